"""Messages that docs/troubleshooting.md quotes are messages of the code."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.docs.pages import Page
from tests.import_graph import ROOT, project_modules

PAGE = Page.read("docs/troubleshooting.md")
OTHERS = "## Messages of other programs"


def quoted() -> list[str]:
    """The messages in the first cells of the tables, up to those of other programs."""
    own = "\n".join(PAGE.lines).partition(OTHERS)[0]
    return re.findall(r"^\| `([^`]+)` \|", own, flags=re.MULTILINE)


@cache
def texts() -> tuple[str, ...]:
    """Every text in the code, with a null character for each value that is put into it."""
    found = []
    for module in project_modules():
        for node in ast.walk(ast.parse((ROOT / module).read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values
                    )
                )
    return tuple(found)


def is_said(message: str) -> bool:
    """Whether some text of the code has all that the message quotes, in its order."""
    parts = [re.escape(part) for part in re.split(r" ?\.\.\.[:;]? ?", message) if part.strip()]
    wanted = re.compile(".*?".join(parts), re.DOTALL)
    return any(wanted.search(text) for text in texts())


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_is_one_of_the_code(message: str) -> None:
    assert is_said(message)


def test_there_are_many_and_one_that_nobody_says_is_found() -> None:
    assert len(quoted()) > 80
    assert len(set(quoted())) == len(quoted())
    assert not is_said("no checkpoint in ... anywhere")
