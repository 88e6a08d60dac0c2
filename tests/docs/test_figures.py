"""Figures on the pages stand beside the command that measures them, and images beside theirs."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import Page, written_pages

# A number in a cell, with decimals, a unit or an interval: not a count or a size that is a setting.
_UNITS = "%|s|ms|h|dB|GB|TB|MB|kB|min|minutes|hours|points"
_FIGURE = re.compile(rf"\|\s*(?:about )?\d[\d,]*(?:\.\d+|(?:\.\d+)? (?:{_UNITS})\b)[^|`]*(?=\|)")
_COMMAND = re.compile(r"\b(?:python -m \w|dvc repro|duskline \w)")
_PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
# Where no command is due: in a comment, with the reason.
_EXCUSE = re.compile(r"<!-- figures: (.+) -->")


def without_command(page: Page) -> list[str]:
    """Sections with a table of figures where neither they nor the page's beginning names a command."""
    beginning = "\n".join(line for section in page.sections[:2] for _, line in section)
    if _COMMAND.search(beginning):
        return []
    found = []
    for section in page.sections:
        text = "\n".join(line for _, line in section)
        figures = [line for _, line in section if line.startswith("|") and _FIGURE.search(line)]
        if figures and not _COMMAND.search(text) and not _EXCUSE.search(text):
            found.append(f"{page.name}:{section[0][0]}: {section[0][1]}: {figures[0]}")
    return found


@pytest.mark.parametrize("name", [page.name for page in written_pages()])
def test_tables_of_figures_stand_beside_their_command(name: str) -> None:
    found = without_command(Page.read(name))
    assert not found, "\n".join(found)


def test_a_figure_without_a_command_is_found() -> None:
    lines = ("# Speed", "", "# One", "| fast | 3.5 s |", "# Two", "| large | 2.0 MB |", "`dvc repro`")
    assert without_command(Page("docs/made_up.md", lines)) == ["docs/made_up.md:3: # One: | fast | 3.5 s |"]


def test_pictures_have_words_and_the_command_that_draws_them() -> None:
    for page in written_pages():
        for number, line in enumerate(page.lines):
            if found := _PICTURE.search(line):
                beside = "\n".join(page.lines[number + 1 : number + 5])
                assert "python -m" in beside, f"{page.name}:{number + 1}: {found[1]}"
