"""docs/parameters.md: current, and whole."""

from __future__ import annotations

import re

import pytest

from pipeline.core.params import read_params
from tests.parameters_page import PAGE, PROFILES, keys_of, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "python -m tests.parameters_page writes it anew"


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_every_key_of_every_profile_has_a_row_in_its_section(profile: str) -> None:
    rows = set()
    section = ""
    for line in PAGE.read_text().splitlines():
        if heading := re.match(r"## (\w+)$", line):
            section = heading[1]
        if row := re.match(r"\| `(\w+)` \|", line):
            rows.add(f"{section}.{row[1]}")
    assert set(keys_of(read_params(PROFILES / f"{profile}.yaml"))) <= rows


def test_every_section_says_who_reads_it() -> None:
    for section in read_params(PROFILES / "city.yaml"):
        assert re.search(rf"^## {section}\n\nRead by `\w+`", PAGE.read_text(), flags=re.MULTILINE), section


def test_every_row_has_a_meaning_and_says_what_it_takes() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    for cells in rows:
        # A parameter has two columns behind these, a setting of the machine one.
        meaning, values = cells[-3:-1] if "DUSKLINE_" in cells[0] else cells[-4:-2]
        assert len(meaning.split()) >= 2, cells
        assert values, cells
