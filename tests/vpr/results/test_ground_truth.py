from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.vpr.results.ground_truth import (
    NEAREST,
    STANDPOINTS,
    Nearest,
    read_nearest,
    read_standpoints,
    write_ground_truth,
)


def name(east: float, north: float, view: int = 0) -> str:
    return f"images/test/database/@{east:.2f}@{north:.2f}@{view}@.jpg"


def written(folder: Path) -> None:
    places = [(10.0, 20.0), (10.0, 20.0), (50.25, 20.0)]
    database = [name(*place, view) for view, place in enumerate(places)]
    write_ground_truth(
        folder, database, np.array(places), ["near", "far"], np.array([(13.0, 24.0), (60.0, 20.0)])
    )


def test_standpoints_are_places_with_their_images(tmp_path: Path) -> None:
    written(tmp_path)
    assert (tmp_path / STANDPOINTS).read_text() == "east,north,images\n10.00,20.00,2\n50.25,20.00,1\n"
    assert read_standpoints(tmp_path).tolist() == [[10, 20, 2], [50.25, 20, 1]]


def test_the_nearest_image_is_the_first_of_the_nearest_place(tmp_path: Path) -> None:
    written(tmp_path)
    assert read_nearest(tmp_path) == {
        "near": Nearest(name(10, 20, 0), 10.0, 20.0, 5.0),
        "far": Nearest(name(50.25, 20, 2), 50.25, 20.0, 9.75),
    }


@pytest.mark.parametrize("row", ["a,1,2", "1,2,", "nan,1,1", "1,inf,1"])
def test_what_is_no_standpoint_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / STANDPOINTS).write_text(f"east,north,images\n{row}\n")
    with pytest.raises(DusklineError, match=r"standpoints\.csv, line 2: invalid standpoint"):
        read_standpoints(tmp_path)


@pytest.mark.parametrize("row", ["q,d,far,1,2", "q,d,1,2,", "q,d,nan,1,2"])
def test_what_does_not_lie_nearest_is_named(tmp_path: Path, row: str) -> None:
    (tmp_path / NEAREST).write_text(f"query,database,distance,database_east,database_north\n{row}\n")
    with pytest.raises(DusklineError, match=r"nearest\.csv, line 2: invalid nearest image"):
        read_nearest(tmp_path)


def test_missing_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"standpoints\.csv"):
        read_standpoints(tmp_path)
    with pytest.raises(MissingInputError, match=r"nearest\.csv"):
        read_nearest(tmp_path)
