"""A copy of the project's code that a test may edit, and that is digested instead of the real one."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.core import code_digest
from tests.import_graph import ROOT


def copied_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the modules of the packages into `folder`, and let keys be made of these."""
    no_code = shutil.ignore_patterns("__pycache__", "*.pt")
    for package in ("pipeline", "unit"):
        shutil.copytree(ROOT / package, folder / package, ignore=no_code)
    monkeypatch.setattr(code_digest, "SOURCE", folder)
    return folder


def edited(code: Path, name: str, before: str, after: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Replace the one place of `before` in a module of the copied code, and load it from there."""
    path = code / name
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("edited", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "edited", module)
    spec.loader.exec_module(module)
    return module
