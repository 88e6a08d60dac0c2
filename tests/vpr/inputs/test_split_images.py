"""A split's images as places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.datasets.image_set.image_set import ImageRow
from pipeline.vpr.inputs.split_images import split_images
from tests.vpr.places import write_places


def test_names_are_parsed_once_for_all_positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = split_images(write_places(tmp_path / "set"), "train", "database", 48, 48)
    expected = [(row.east, row.north) for row in database.rows]
    parsed = []
    real = ImageRow.east.fget
    monkeypatch.setattr(ImageRow, "east", property(lambda row: parsed.append(row) or real(row)))
    for _ in range(3):
        assert np.array_equal(database.positions, expected)
    assert parsed == list(database.rows)
