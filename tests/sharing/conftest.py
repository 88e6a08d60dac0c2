"""A small project that ran, for each test its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sharing.small_project import small_project


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    return small_project(tmp_path_factory, tmp_path / "project")
