from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.params import build
from pipeline.datasets.formatting.readers.folder import FolderSettings
from pipeline.runtime.errors import ParameterError
from tests.datasets.own_photographs import BLOCKS, VALUES


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("split_by", "time", "format.own.split_by must be one of folder, column, blocks"),
        ("queries_by", "luck", "format.own.queries_by must be one of folder, column, date, share"),
        ("train_share", -1, "train_share must be at least 0, not -1"),
        ("query_share", 0, "query_share is missing or 0: split_by"),
        ("query_share", 1, "query_share must be above 0 and below 1, not 1"),
        ("seed", -1, "seed is missing or -1: split_by blocks and queries_by share need it"),
        ("gap_metres", 49, r"gap_metres must be at least 50 \(metres\), not 49"),
        ("block_metres", 0, "block_metres is missing or 0: split_by"),
        ("jpeg_quality", 99, "jpeg_quality must be between 1 and 95, not 99"),
    ],
)
def test_settings_out_of_range(name: str, value: Any, message: str) -> None:
    whole = {**VALUES, **BLOCKS, "queries_by": "share", "query_share": 0.3}
    with pytest.raises(ParameterError, match=message):
        build(FolderSettings, {**whole, name: value}, "format.own")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "seed is not used with split_by folder and queries_by folder"),
        ({"queries_by": "date", "query_share": 0.3, "gap_metres": 50.0}, "gap_metres is not used"),
        (
            {"queries_by": "share", "query_share": 0.3},
            "seed is missing or -1: split_by folder and queries_by share need it",
        ),
        ({"queries_by": "date"}, "query_share is missing or 0: split_by folder and queries_by date need it"),
        ({"split_by": "blocks", "seed": 1}, "train_share, val_share and test_share must be 0 or more"),
    ],
)
def test_a_choice_takes_just_the_settings_that_it_needs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build(FolderSettings, {**VALUES, **changes}, "format.own")


def test_columns_need_a_csv() -> None:
    with pytest.raises(ParameterError, match="can be column only with coordinates in a CSV"):
        build(FolderSettings, {**VALUES, "coordinates": "exif", "split_by": "column"}, "format.own")
