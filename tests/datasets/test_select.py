from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import ParameterError, SetError
from pipeline.datasets.image_set import ImageSet
from pipeline.datasets.select import select_time
from tests.datasets.made_sets import day_set


def test_keeps_the_database_and_the_queries_of_that_time_as_links(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", database=2, queries=7)
    selected = select_time(source, tmp_path / "night", "night", None)
    kept = ImageSet.open(tmp_path / "night")
    assert kept.counts() == selected.kept == {"test/database": 2, "test/queries": 2}
    assert selected.times == {"day": 3, "sunset": 2, "night": 2}
    assert selected.label_from == {"number": 7}
    assert [row.name for row in kept.where(role="database")] == [
        row.name for row in source.where(role="database")
    ]
    assert {row.time_of_day for row in kept.where(role="queries")} == {"night"}
    assert all("@00003.jpg@" in row.name or "@00006.jpg@" in row.name for row in kept.where(role="queries"))
    assert all(kept.path(row).samefile(source.root / row.name) for row in kept.rows)
    assert "test/queries 2 (all queries: day 3, sunset 2, night 2; labelled by: number 7)" in str(selected)


def test_lists_every_query_kept_or_not(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=3)
    select_time(source, tmp_path / "night", "night", None)
    lines = (tmp_path / "night" / "times_of_day.csv").read_text().splitlines()
    assert [line.split(",")[1:] for line in lines[1:]] == [
        ["day", "number"],
        ["sunset", "number"],
        ["night", "number"],
    ]


def test_a_hand_moves_a_query_into_another_time(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=3)
    dusk = next(row.name for row in source.rows if "@00002.jpg@" in row.name)
    (tmp_path / "hand.csv").write_text(f"name,time_of_day\n{dusk},night\n")
    selected = select_time(source, tmp_path / "night", "night", tmp_path / "hand.csv")
    assert selected.kept["test/queries"] == 2
    assert selected.label_from == {"hand": 1, "number": 2}


def test_no_query_of_that_time_is_an_error_with_the_counts(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=2)
    with pytest.raises(
        SetError, match="has no night queries; by time of day it has 1 day, 1 sunset, 0 night"
    ):
        select_time(source, tmp_path / "night", "night", None)
    assert not (tmp_path / "night").exists()


def test_an_unknown_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="must be one of day, sunset, night, not 'noon'"):
        select_time(day_set(tmp_path / "tokyo"), tmp_path / "out", "noon", None)
