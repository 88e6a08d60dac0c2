from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.image_io import read_rgb
from pipeline.report.sets.sheet import Sample, read_sheet, write_sheet
from pipeline.runtime.errors import ParameterError, SetError
from tests.report.made_up import picture, write_day_and_night


def true_nights(members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    # In an order of their own.
    for member in sorted(members, reverse=True):
        yield member, picture(60)


def test_days_nights_and_true_nights_side_by_side(tmp_path: Path) -> None:
    day, night = write_day_and_night(tmp_path)
    assert write_sheet(tmp_path / "sheet", day, night, 2, true_nights) == 4
    samples = read_sheet(tmp_path / "sheet")
    assert [(sample.split, sample.role) for sample in samples] == [
        ("train", "database"),
        ("train", "database"),
        ("test", "database"),
        ("test", "database"),
    ]
    for sample in samples:
        number = int(sample.name.split("@")[3])
        levels = [
            read_rgb(tmp_path / "sheet" / name).mean()
            for name in (sample.day, sample.night, sample.true_night)
        ]
        assert levels == pytest.approx([120 + number, 20 + number, 60], abs=1.5)


def test_a_day_without_a_night_is_not_shown(tmp_path: Path) -> None:
    day, night = write_day_and_night(tmp_path)
    assert write_sheet(tmp_path / "sheet", day, night, 99, None) == 11
    assert "@0@" not in "".join(
        sample.name for sample in read_sheet(tmp_path / "sheet") if sample.split == "train"
    )


def test_without_true_nights_there_are_two_pictures(tmp_path: Path) -> None:
    day, night = write_day_and_night(tmp_path)
    write_sheet(tmp_path / "sheet", day, night, 1, None)
    assert {sample.true_night for sample in read_sheet(tmp_path / "sheet")} == {""}
    assert len(list((tmp_path / "sheet").glob("*.jpg"))) == 4


def test_the_night_of_another_set_is_refused(tmp_path: Path) -> None:
    day, _ = write_day_and_night(tmp_path / "one")
    _, night = write_day_and_night(tmp_path / "other")
    changed = replace(day, rows=tuple(replace(row, digest="0" * 64) for row in day.rows))
    with pytest.raises(SetError, match="was not made from"):
        write_sheet(tmp_path / "sheet", changed, night, 1, None)


def test_no_pictures_are_refused(tmp_path: Path) -> None:
    day, night = write_day_and_night(tmp_path)
    with pytest.raises(ParameterError, match="at least one image of a split, not 0"):
        write_sheet(tmp_path / "sheet", day, night, 0, None)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("@0584000.40@4477010.00@17@T@040.4@-079.9@002013@00@@@@@@pitch1_yaw1@.jpg", "002013"),
        ("@0584000.40@4477010.00@17@T@040.4@-079.9@None@00@@@@@@@.jpg", "584000 E, 4477010 N"),
        ("@584000.40@4477010.00@5@.jpg", "584000 E, 4477010 N"),
    ],
)
def test_a_sample_tells_its_place(name: str, place: str) -> None:
    sample = Sample(f"images/train/queries/{name}", "", "", "")
    assert (sample.split, sample.role, sample.place) == ("train", "queries", place)
