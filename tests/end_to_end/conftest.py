"""One finished run of the tiny city for all tests that only look, and copies for those that change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.core.files import read_json, write_json
from tests.end_to_end.project import Project, copy_project, stages_run, street_params
from tests.made_once import made_once


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, list[str]]:
    """A project after its first `dvc repro`, and the stages that ran. To be read and copied, no more."""
    folder = made_once(tmp_path_factory, "finished", _run)
    return Project(folder / "project"), read_json(folder / "ran.json")


def _run(folder: Path) -> None:
    said = copy_project(folder / "project").dvc("repro").stdout
    write_json(folder / "ran.json", stages_run(said))


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of a project with the sets of `street_params`, for the models of a module of tests."""
    root = tmp_path_factory.mktemp("street") / "project"
    shutil.copytree(made_once(tmp_path_factory, "street", _make_street) / "project", root)
    return Project(root)


def _make_street(folder: Path) -> None:
    project = copy_project(folder / "project")
    project.set_params(street_params())
    project.repro()


@pytest.fixture
def project(finished_run: tuple[Project, list[str]], tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(finished_run[0].root, root)
    return Project(root)
