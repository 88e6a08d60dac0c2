from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.derived.merge import kept_nights
from pipeline.datasets.derived.merge import merge_sets as merge_share
from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.night.records.provenance import Origin, read_origins, write_origins
from pipeline.runtime.errors import DusklineError, ParameterError, SetError
from tests.datasets.made_sets import day_set, night_set
from tests.datasets.raw_forms import jpeg

merge_sets = partial(merge_share, keep_nights=1.0, seed=0)


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


def another_copy(day: ImageSet, root: Path) -> ImageSet:
    """The same images, eastings cut where those of `day` are rounded."""
    writer = SetWriter(root)
    for row in day.rows:
        cut = row.name.replace(f"@{row.name.split('@')[1]}@", f"@{row.east - 0.01:010.2f}@")
        assert cut != row.name
        writer.write(replace(row, name=cut), day.read(row))
    return writer.finish()


@pytest.mark.parametrize("shards_above", [None, 3])
def test_nights_of_another_copy_get_the_names_of_their_days(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, shards_above: int | None
) -> None:
    day = day_set(tmp_path / "day", database=2, queries=2)
    copy = another_copy(day, tmp_path / "copy")
    nights = night_set(copy, tmp_path / "night", failed=(copy.rows[1].name,))
    merged = merge_sets(day, nights, tmp_path / "dn", shards_above=shards_above)
    of_its_own = [night_name(row.name) for row in day.rows]
    del of_its_own[1]
    assert [row.name for row in merged.rows if row.name.endswith("n.jpg")] == of_its_own
    for row, name in zip(nights.rows, of_its_own, strict=True):
        assert nights.read(row) == merged.read(replace(row, name=name))
    record = read_origins(merged.root)
    assert [origin.source for origin in record] == [row.name for row in day.rows]
    assert [origin.digest for origin in record] == [origin.digest for origin in read_origins(nights.root)]
    assert "3 nights were made from another copy" in caplog.text


def test_nights_of_other_bytes_of_another_copy_are_refused(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", database=2, queries=2)
    other = another_copy(day_set(tmp_path / "other", database=2, queries=2, seed=9), tmp_path / "copy")
    with pytest.raises(SetError, match=r"4 images of .*day differ from those that the nights in"):
        merge_sets(day, night_set(other, tmp_path / "night"), tmp_path / "dn")


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
    with pytest.raises(SetError, match=r"1 images of .* differ from those that the nights in") as caught:
        merge_sets(day, night, tmp_path / "dn")
    assert changed.source in str(caught.value)
    assert "run the translate stage again" in str(caught.value)


def test_nights_of_another_day_set_are_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", queries=3)
    night = night_set(day_set(tmp_path / "larger", queries=4), tmp_path / "night")
    with pytest.raises(SetError, match=r"1 nights in .* were made from images that .* does not have"):
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
    with pytest.raises(SetError, match=r"1 nights are missing in .* lists them as done") as caught:
        merge_sets(day, missing, tmp_path / "dn")
    assert night.rows[0].name in str(caught.value)


def test_a_night_that_is_another_one_than_recorded_is_named(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    other = rewrite(night, 0, digest="e" * 64)
    with pytest.raises(SetError, match=r"1 nights in .* differ from those that .* lists") as caught:
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


def test_a_share_of_the_nights_is_taken_of_each_role_and_their_record_stays_whole(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", database=8, queries=5)
    night = night_set(day, tmp_path / "night")
    merged = merge_share(day, night, tmp_path / "dn", keep_nights=0.5, seed=3)
    taken = [row for row in merged.rows if row not in day.rows]
    assert {row.name for row in taken} < {row.name for row in night.rows}
    assert merged.counts() == {"test/database": 8 + 4, "test/queries": 5 + 2}
    assert read_origins(merged.root) == read_origins(night.root)
    none = merge_share(day, night, tmp_path / "none", keep_nights=0.0, seed=3)
    assert none.rows == day.rows


def test_a_share_that_is_none_is_refused(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day")
    night = night_set(day, tmp_path / "night")
    with pytest.raises(ParameterError, match=r"keep_nights must be a share from 0 to 1, not 1\.5"):
        merge_share(day, night, tmp_path / "dn", keep_nights=1.5, seed=0)


def row(number: int, split: str, role: str) -> ImageRow:
    return ImageRow(f"images/{split}/{role}/@{number}@0@n.jpg", "x", "0" * 64, 1, 1, 1, "night")


@settings(max_examples=60)
@given(
    numbers=st.sets(st.integers(0, 10_000), min_size=1, max_size=60),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    seed=st.integers(0, 5),
)
def test_which_nights_are_taken_is_exact_nested_and_hardly_moves(
    numbers: set[int], shares: tuple[float, float], seed: int
) -> None:
    nights = [row(number, "train", "queries") for number in sorted(numbers)]
    few, many = (kept_nights(nights, share, seed) for share in sorted(shares))
    for share, kept in zip(sorted(shares), (few, many), strict=True):
        assert len(kept) == round(share * len(nights))
        assert kept == [night for night in nights if night in kept]
    assert set(few) <= set(many)
    assert kept_nights(nights[::-1], shares[0], seed) == kept_nights(nights, shares[0], seed)[::-1]
    # Those of another role neither take nor give.
    others = [row(number, "test", "database") for number in range(7)]
    assert [one for one in kept_nights([*nights, *others], shares[0], seed) if one.split == "train"] == (
        kept_nights(nights, shares[0], seed)
    )
    one_more = kept_nights([*nights, row(20_000, "train", "queries")], shares[0], seed)
    assert len(set(kept_nights(nights, shares[0], seed)) - set(one_more)) <= 1


def test_another_seed_takes_others() -> None:
    nights = [row(number, "train", "queries") for number in range(40)]
    assert kept_nights(nights, 0.5, 0) != kept_nights(nights, 0.5, 1)
