from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.core.image_io import encode
from pipeline.datasets.derived.select import select_time
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter, replaced_set
from pipeline.runtime.errors import ParameterError, SetError
from tests.datasets.made_sets import day_set
from tests.datasets.raw_forms import jpeg


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
    assert "test/queries 2 (all queries: day 3, sunset 2, night 2; labels from: number 7)" in str(selected)


def test_keeps_the_database_of_a_time(tmp_path: Path) -> None:
    plain = day_set(tmp_path / "tokyo", database=4, queries=3)
    with pytest.raises(SetError, match=r"4 of 4 images of the database of .* have no time of day"):
        select_time(plain, tmp_path / "out", "night", None, database="day")
    with replaced_set(tmp_path / "labelled") as writer:
        for index, row in enumerate(plain.rows):
            time = ("day", "night")[index % 2] if row.role == "database" else ""
            writer.take(replace(row, time_of_day=time), plain)
    labelled = ImageSet.open(tmp_path / "labelled")
    selected = select_time(labelled, tmp_path / "out", "night", None, database="day")
    assert selected.kept == {"test/database": 2, "test/queries": 1}
    kept = ImageSet.open(tmp_path / "out").where(role="database")
    assert {row.time_of_day for row in kept} == {"day"}
    with pytest.raises(SetError, match="has no sunset images"):
        select_time(labelled, tmp_path / "other", "night", None, database="sunset")


def test_lists_every_query_kept_or_not(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=3)
    select_time(source, tmp_path / "night", "night", None)
    lines = (tmp_path / "night" / "times_of_day.csv").read_text().splitlines()
    assert [line.split(",")[1:] for line in lines[1:]] == [
        ["day", "number", ""],
        ["sunset", "number", ""],
        ["night", "number", ""],
    ]


def test_a_hand_moves_a_query_into_another_time(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=3)
    dusk = next(row.name for row in source.rows if "@00002.jpg@" in row.name)
    (tmp_path / "hand.csv").write_text(f"name,time_of_day\n{dusk},night\n")
    selected = select_time(source, tmp_path / "night", "night", tmp_path / "hand.csv")
    assert selected.kept["test/queries"] == 2
    assert selected.label_from == {"hand": 1, "number": 2}


def test_a_list_of_another_copy_is_understood(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=3)
    dusk = next(row for row in source.rows if "@00002.jpg@" in row.name)
    cut = dusk.name.replace(f"@{dusk.east:010.2f}@", f"@{dusk.east - 0.01:010.2f}@")
    assert cut != dusk.name
    (tmp_path / "hand.csv").write_text(f"name,time_of_day\n{cut},night\n")
    assert select_time(source, tmp_path / "night", "night", tmp_path / "hand.csv").kept["test/queries"] == 2


def test_no_query_of_that_time_is_an_error_with_the_counts(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", queries=2)
    with pytest.raises(SetError, match="has no night queries; it has 1 day, 1 sunset, 0 night"):
        select_time(source, tmp_path / "night", "night", None)
    assert not (tmp_path / "night").exists()


def test_an_unknown_time_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="must be one of day, sunset, night, not 'noon'"):
        select_time(day_set(tmp_path / "tokyo"), tmp_path / "out", "noon", None)


def unlabelled_set(root: Path) -> ImageSet:
    """A database image, a bright query, a dark one and one in between, all without a label."""
    writer = SetWriter(root)
    for number, level in enumerate((200, 12, 75)):
        pixels = np.full((48, 64, 3), level, np.uint8)
        writer.add(
            f"images/test/queries/@{585_000 + number:010.2f}@4477000.00@{number}@.jpg",
            encode(pixels, ".jpg", quality=90),
            source=f"{number}.jpg",
            width=64,
            height=48,
        )
    writer.add(
        "images/test/database/@0585000.00@4477000.00@.jpg", jpeg(), source="db.jpg", width=64, height=48
    )
    return writer.finish()


def test_unlabelled_queries_are_refused_unless_their_light_is_asked(tmp_path: Path) -> None:
    source = unlabelled_set(tmp_path / "mine")
    with pytest.raises(SetError, match="3 of 3 queries have no time of day") as caught:
        select_time(source, tmp_path / "night", "night", None)
    assert "or set unlabelled: brightness" in str(caught.value)
    selected = select_time(source, tmp_path / "night", "night", None, "brightness")
    assert selected.label_from == {"brightness": 3}
    assert selected.kept == {"test/database": 1, "test/queries": 1}
    assert "labels from: brightness 3" in str(selected)
    lines = [line.split(",") for line in (tmp_path / "night" / "times_of_day.csv").read_text().splitlines()]
    assert [line[1:3] for line in lines[1:]][:2] == [["day", "brightness"], ["night", "brightness"]]
    assert all(0 <= float(line[3]) <= 1 for line in lines[1:])
    assert ImageSet.open(tmp_path / "night").where(role="queries")[0].time_of_day == "night"
    with Image.open(tmp_path / "night" / "borderline.jpg") as sheet:
        assert sheet.size == (1200, 260)


def test_a_hand_wins_over_the_light_and_is_not_drawn_as_a_guess(tmp_path: Path) -> None:
    source = unlabelled_set(tmp_path / "mine")
    queries = [row.name for row in source.where(role="queries")]
    (tmp_path / "hand.csv").write_text(
        "\n".join(["name,time_of_day", *(f"{name},night" for name in queries)])
    )
    selected = select_time(source, tmp_path / "night", "night", tmp_path / "hand.csv", "brightness")
    assert selected.label_from == {"hand": 3}
    assert not (tmp_path / "night" / "borderline.jpg").exists()


def test_another_number_of_queries_than_expected_is_refused(tmp_path: Path) -> None:
    source = day_set(tmp_path / "tokyo", database=2, queries=7)
    assert select_time(source, tmp_path / "night", "night", None, expected=2).kept["test/queries"] == 2
    with pytest.raises(SetError, match="has 2 night queries instead of 105"):
        select_time(source, tmp_path / "other", "night", None, expected=105)
    assert not (tmp_path / "other").exists()
