from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.errors import DusklineError, SetError
from pipeline.datasets.image_set import ImageSet
from pipeline.datasets.merge import merge_sets
from pipeline.datasets.set_writer import SetWriter
from pipeline.night.origins import Origin, read_origins, write_origins
from tests.datasets.made_sets import day_set, night_set
from tests.datasets.raw_forms import jpeg


def rewrite(night: ImageSet, index: int, **changes: str) -> Origin:
    """Change one row of a night set's record."""
    origins = list(read_origins(night.root))
    origins[index] = replace(origins[index], **changes)  # type: ignore[arg-type]
    write_origins(night.root, origins)
    return origins[index]


def test_the_union_is_exact_and_costs_no_copy(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", database=3, queries=4)
    night = night_set(day, tmp_path / "night")
    merge_sets(day, night, tmp_path / "dn")
    merged = ImageSet.open(tmp_path / "dn")
    assert merged.rows == tuple(sorted((*day.rows, *night.rows), key=lambda row: row.name))
    for part in (day, night):
        assert all(merged.path(row).samefile(part.path(row)) for row in part.rows)
    assert read_origins(merged.root) == read_origins(night.root)
    assert merged.counts() == {"test/database": 6, "test/queries": 8}


def test_the_order_and_time_of_merging_change_nothing(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    first = merge_sets(day, night, tmp_path / "one")
    second = merge_sets(replace(day, rows=day.rows[::-1]), night, tmp_path / "two")
    assert first.digest == second.digest


def test_nights_that_failed_with_a_reason_are_no_contradiction(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night", failed=(day.rows[0].name,))
    assert len(merge_sets(day, night, tmp_path / "dn").rows) == 2 * len(day.rows) - 1


def test_a_name_in_both_sets_is_refused(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    with pytest.raises(SetError) as caught:
        merge_sets(day, day_set(tmp_path / "again"), tmp_path / "dn")
    assert f"{len(day.rows)} names are in" in str(caught.value)
    assert day.rows[0].name in str(caught.value)
    assert not (tmp_path / "dn").exists()


def test_a_changed_day_image_is_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    changed = rewrite(night, 1, source_digest="f" * 64)
    with pytest.raises(SetError, match=r"1 images of .* are not those that the nights in") as caught:
        merge_sets(day, night, tmp_path / "dn")
    assert changed.source in str(caught.value)
    assert "run the translate stage again" in str(caught.value)


def test_nights_of_another_day_set_are_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", queries=3)
    night = night_set(day_set(tmp_path / "larger", queries=4), tmp_path / "night")
    with pytest.raises(SetError, match=r"1 nights in .* were made from images that .* does not hold"):
        merge_sets(day, night, tmp_path / "dn")


def test_a_day_image_without_a_night_or_a_reason_is_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", queries=4)
    night = night_set(day_set(tmp_path / "smaller", queries=3), tmp_path / "night")
    with pytest.raises(SetError, match=r"1 images of .* have no record in") as caught:
        merge_sets(day, night, tmp_path / "dn")
    assert "@00004.jpg@" in str(caught.value)


def test_a_recorded_night_that_is_not_there_is_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    missing = replace(night, rows=night.rows[1:])
    with pytest.raises(SetError, match=r"1 nights are not in .* calls them done") as caught:
        merge_sets(day, missing, tmp_path / "dn")
    assert night.rows[0].name in str(caught.value)


def test_a_night_that_is_another_one_than_recorded_is_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    other = rewrite(night, 0, digest="e" * 64)
    with pytest.raises(SetError, match=r"1 nights in .* are not those that .* records") as caught:
        merge_sets(day, night, tmp_path / "dn")
    assert other.name in str(caught.value)


def test_a_night_without_a_record_is_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    rewrite(night, 0, status="failed", digest="")
    with pytest.raises(SetError, match=r"1 images of .*night have no record in"):
        merge_sets(day, night, tmp_path / "dn")


def test_a_night_set_without_its_record_is_refused(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    writer = SetWriter(tmp_path / "night")
    writer.add("images/test/database/@1@2@n.jpg", jpeg(), source="x", width=64, height=48)
    with pytest.raises(DusklineError, match=r"no such file: .*origins\.csv"):
        merge_sets(day, writer.finish(), tmp_path / "dn")


def test_many_names_are_counted_not_listed(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", database=25)
    with pytest.raises(SetError, match=r"28 names are in (?s:.*)and 8 more"):
        merge_sets(day, day_set(tmp_path / "again", database=25), tmp_path / "dn")
