"""Eight days, and where their nights go."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageSet
from tests.night.fakes import Nightly, days, write_days


@pytest.fixture
def nightly(tmp_path: Path) -> Nightly:
    return Nightly(tmp_path)


@pytest.fixture
def day(tmp_path: Path) -> ImageSet:
    return write_days(tmp_path / "day", days(8))
