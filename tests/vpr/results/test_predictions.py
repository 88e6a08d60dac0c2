from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.results.predictions import Prediction, read_predictions, write_predictions

FOUND = [
    Prediction("images/test/queries/@1.00@2.00@.jpg", 1, "images/test/database/@4.00@6.00@.jpg",
               5.0, 0.125, True, 1.0, 2.0, 4.0, 6.0),
    Prediction("images/test/queries/@1.00@2.00@.jpg", 2, "images/test/database/@31.00@42.00@.jpg",
               50.0, 1.5, False, 1.0, 2.0, 31.0, 42.0),
]  # fmt: skip


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.csv", FOUND)
    assert list(read_predictions(tmp_path / "predictions.csv")) == FOUND


def test_the_table_is_what_people_read(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.csv", FOUND[:1])
    assert (tmp_path / "predictions.csv").read_text() == (
        "query,rank,database,distance,feature_distance,correct,query_east,query_north,database_east,"
        "database_north\n"
        "images/test/queries/@1.00@2.00@.jpg,1,images/test/database/@4.00@6.00@.jpg,5.000,0.125,1,"
        "1.00,2.00,4.00,6.00\n"
    )


@pytest.mark.parametrize(("old", "new"), [(",1,images", ",first,images"), ("0.125,1,", "0.125,yes,")])
def test_a_line_that_is_none_is_named(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "predictions.csv"
    write_predictions(path, FOUND[:1])
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DusklineError, match=r"predictions\.csv, line 2: invalid prediction"):
        list(read_predictions(path))


def test_a_row_cut_short_and_a_missing_column_are_named(tmp_path: Path) -> None:
    path = tmp_path / "predictions.csv"
    write_predictions(path, FOUND)
    whole = path.read_text()
    path.write_text(whole[:-12])
    with pytest.raises(DusklineError, match=r"predictions\.csv, line 3: 9 values for 10 columns"):
        list(read_predictions(path))
    path.write_text(whole.replace("feature_distance", "far", 1))
    with pytest.raises(DusklineError, match="has no column feature_distance"):
        list(read_predictions(path))
