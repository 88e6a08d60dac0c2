"""One small project that ran, and copies of it for tests that change it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.sharing.small_project import small_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project(tmp_path_factory.mktemp("small") / "project")


@pytest.fixture
def root(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    shutil.copytree(finished, tmp_path / "project")
    return tmp_path / "project"
