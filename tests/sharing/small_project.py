"""A DVC project of a few small files, made in a second."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.made_once import made_once

_STAGES = """\
stages:
  colours:
    cmd: python make.py
    deps: [make.py]
    outs: [colours]
  shade:
    cmd: python make.py
    deps: [make.py]
    outs: [shade.txt]
"""
_MAKE = """\
from pathlib import Path
Path("colours").mkdir(exist_ok=True)
for name, text in {"red": "red" * 50, "green": "green" * 50, "also_red": "red" * 50}.items():
    Path("colours", f"{name}.txt").write_text(text)
Path("shade.txt").write_text("grey" * 25)
"""


def dvc(root: Path, *arguments: str) -> str:
    """Run DVC in a project, with its own site cache; return what it said."""
    environment = os.environ | {
        "DVC_SITE_CACHE_DIR": str(root.parent / "site"),
        "DVC_NO_ANALYTICS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def small_project(temporary: pytest.TempPathFactory, root: Path) -> Path:
    """A project whose two stages have run: a folder of three files, of which two are equal, and a file."""
    shutil.copytree(made_once(temporary, "small", lambda folder: _make(folder / "project")) / "project", root)
    return root


def _make(root: Path) -> None:
    root.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    dvc(root, "init", "-q")
    (root / "dvc.yaml").write_text(_STAGES)
    (root / "make.py").write_text(_MAKE)
    dvc(root, "repro", "-q")
