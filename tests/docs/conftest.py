"""One built project for all pages; each page is walked through in a copy of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import Page
from tests.docs.walk import Walk, project_of_the_docs
from tests.end_to_end.project import Project
from tests.made_once import made_once


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after the first command of docs/first_hour.md that a test can run. Not to be changed."""
    return Project(made_once(tmp_path_factory, "built", _build) / "duskline")


def _build(folder: Path) -> None:
    project = project_of_the_docs(folder / "duskline")
    first = next(block for block in Page.read("docs/first_hour.md").blocks if block.mark == "run")
    Walk(project).run(first)


@pytest.fixture
def walk(built: Project, tmp_path: Path) -> Walk:
    """A walk through a copy of the built project."""
    root = tmp_path / "duskline"
    shutil.copytree(built.root, root, symlinks=True)
    return Walk(Project(root))
