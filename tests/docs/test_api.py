"""docs/api.md: every name on it is there, says what it is, is in the wheel, and is strictly typed."""

from __future__ import annotations

import configparser
import re
from fnmatch import fnmatch
from importlib import import_module

import pytest

from tests.docs.pages import Page
from tests.import_graph import ROOT

PUBLIC = re.findall(r"^\| `([\w.]+)` \| (.+) \|$", "\n".join(Page.read("docs/api.md").lines), re.MULTILINE)
MODULES = {name.rpartition(".")[0] for name, _ in PUBLIC}


@pytest.mark.parametrize("name", [name for name, _ in PUBLIC])
def test_a_public_name_can_be_imported(name: str) -> None:
    module, _, public = name.rpartition(".")
    found = getattr(import_module(module), public)
    # Of a constant its module says it.
    assert (found.__doc__ if callable(found) else import_module(module).__doc__).strip()
    # Not one that the module has only imported.
    assert getattr(found, "__module__", module) == module or not callable(found)


def test_each_stands_there_once() -> None:
    names = [name for name, _ in PUBLIC]
    assert len(names) > 30
    assert len(set(names)) == len(names)


def test_mypy_is_strict_with_all_of_them() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup.getboolean("mypy", "strict")
    lax = [
        pattern
        for section in setup.sections()
        if section.startswith("mypy-")
        for pattern in section.removeprefix("mypy-").split(",")
        if any(fnmatch(module, pattern) for module in MODULES)
    ]
    assert lax == []
