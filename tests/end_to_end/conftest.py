"""One finished run of the tiny city for all tests that only look, and copies for those that change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.end_to_end.project import Project, copy_project, stages_run


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[str]]:
    """A project after its first `dvc repro`, and the stages that ran. Not to be changed."""
    project = copy_project(tmp_path_factory.mktemp("finished") / "project")
    return project, stages_run(project.dvc("repro").stdout)


@pytest.fixture
def project(finished_run: tuple[Project, list[str]], tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(finished_run[0].root, root)
    return Project(root)
