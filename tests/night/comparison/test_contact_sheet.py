from __future__ import annotations

import numpy as np

from pipeline.night.comparison.comparison_files import Measured
from pipeline.night.comparison.contact_sheet import draw_contact_sheet

DAY = Measured("day", "day", 2, 120.0, 40.0, 1.0, None, None, "", "")
NIGHT = Measured(
    "unit",
    "a name of a checkpoint that is much too long for its column",
    2,
    30.0,
    9.0,
    0.4,
    None,
    None,
    "",
    "",
)
LOST = Measured("unit", "lost", 0, None, None, None, None, None, "", "no checkpoint " + "at all " * 80)


def plain(level: int, height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def sheet(*columns: tuple[Measured, list[np.ndarray]]) -> np.ndarray:
    return draw_contact_sheet(
        "street, test", [row for row, _ in columns], [pictures for _, pictures in columns]
    )


def blocks(drawn: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns that hold a grey of images."""
    found = (drawn == level).all(axis=2)
    return np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))


def test_every_picture_has_its_cell() -> None:
    drawn = sheet(
        (DAY, [plain(201, 60, 80), plain(202, 80, 60)]), (NIGHT, [plain(101, 60, 80), plain(102, 80, 60)])
    )
    assert (drawn.dtype, drawn.shape[2]) == (np.uint8, 3)
    first_rows, first_columns = blocks(drawn, 201)
    # As wide as the column, and of its own proportions.
    assert (len(first_columns), len(first_rows)) == (252, 189)
    assert blocks(drawn, 101)[0].tolist() == first_rows.tolist()
    assert blocks(drawn, 101)[1].min() > first_columns.max()
    # An upright image is lower than its width allows, so that the sheet stays one.
    assert len(blocks(drawn, 202)[0]) == 336
    assert blocks(drawn, 202)[0].min() > first_rows.max()
    assert len(blocks(drawn, 202)[1]) == 252


def test_more_numbers_take_more_room() -> None:
    near = Measured("day", "day", 2, 120.0, 40.0, 1.0, 12.0, 0.5, "", "")
    pictures = [plain(201, 60, 80)]
    assert sheet((near, pictures)).shape[0] == sheet((DAY, pictures)).shape[0] + 2 * 21


def test_a_translator_without_pictures_has_a_line_at_the_foot_and_no_column() -> None:
    pictures = [plain(201, 60, 80)] * 2
    without = sheet((DAY, pictures), (NIGHT, pictures))
    drawn = sheet((DAY, pictures), (LOST, []), (NIGHT, pictures))
    assert drawn.shape[1] == without.shape[1]
    assert drawn.shape[0] > without.shape[0]
    foot = drawn[without.shape[0] - 28 :]
    assert (foot != foot[0, 0]).any()
    # However long the reason, it ends within the margin.
    assert (foot[:, -20:] == foot[0, 0]).all()


def test_the_same_numbers_and_pictures_are_the_same_sheet() -> None:
    pictures = [np.random.default_rng(1).integers(0, 256, (33, 47, 3), dtype=np.uint8)]
    assert np.array_equal(sheet((DAY, pictures)), sheet((DAY, pictures)))
