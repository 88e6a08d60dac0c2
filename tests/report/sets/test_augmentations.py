from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.report.sets.augmentations import write_augmentations
from pipeline.runtime.errors import ParameterError, SetError
from pipeline.vpr.augmentation.transforms import Augmentation, Night, Perspective
from tests.vpr.places import write_places

NIGHT = Augmentation(night=Night(0.25, "meant", 0.55))
WHITE = Augmentation(perspective=Perspective(0.5, 1.0, 1.0, "meant", None))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "set")


def cells(sheet: np.ndarray, columns: int, rows: int) -> list[list[np.ndarray]]:
    """The images of a sheet of 40-pixel squares below a line of names."""
    return [
        [
            sheet[22 + 46 * row : 62 + 46 * row, 6 + 46 * column : 46 + 46 * column]
            for column in range(columns)
        ]
        for row in range(rows)
    ]


def test_a_row_is_a_query_and_a_column_a_change(places: ImageSet, tmp_path: Path) -> None:
    target = tmp_path / "sheet.jpg"
    assert write_augmentations(target, places, {"night": NIGHT, "white": WHITE}, 3, 40) == 3
    sheet = read_rgb(target)
    assert sheet.shape == (22 + 3 * 46, 6 + 3 * 46, 3)
    for plain, night, white in cells(sheet, 3, 3):
        assert night.mean() < 0.8 * plain.mean()
        assert (white > 245).all(axis=2).mean() > 0.05
        assert (plain > 245).all(axis=2).mean() < 0.01
    assert (sheet[:22] < 100).any()


def test_the_same_call_draws_the_same_bytes(places: ImageSet, tmp_path: Path) -> None:
    for name in ("one.jpg", "other.jpg"):
        write_augmentations(tmp_path / name, places, {"white": WHITE}, 2, 40)
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "other.jpg").read_bytes()


def test_what_cannot_be_drawn_is_refused_in_words(places: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="images must be at least 1, not 0"):
        write_augmentations(tmp_path / "x.jpg", places, {}, 0, 40)
    without = ImageSet(places.root, places.where("test"), places.digest)
    with pytest.raises(SetError, match="has no images in train/queries"):
        write_augmentations(tmp_path / "x.jpg", without, {}, 1, 40)
    assert not list(tmp_path.iterdir())
