"""Eight days, where their nights go, and runs without worker processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine import pool, translate_set
from tests.night.fakes import Nightly, days, write_days
from tests.night.pool_here import night_pool_here


@pytest.fixture
def nightly(tmp_path: Path) -> Nightly:
    return Nightly(tmp_path)


@pytest.fixture
def day(tmp_path: Path) -> ImageSet:
    return write_days(tmp_path / "day", days(8))


@pytest.fixture
def pool_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Translate in this process: to start workers takes longer than most tests."""
    monkeypatch.setattr(translate_set, "night_pool", night_pool_here)


@pytest.fixture
def real_pool(pool_here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Translate in workers after all, in a file that else does not."""
    monkeypatch.setattr(translate_set, "night_pool", pool.night_pool)
