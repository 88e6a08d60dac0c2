from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipeline.core.files import digest_bytes, read_json
from pipeline.core.image_io import read_rgb
from pipeline.datasets.derived.merge import merge_sets
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.night.records.provenance import read_origins
from pipeline.night.records.translator import Recipe
from pipeline.runtime.errors import NameFormatError, ParameterError, SetError, UserError
from tests.datasets.walks import made_walks, make_walks
from tests.night.fakes import (
    JPG,
    PNG,
    Darkened,
    Nightly,
    day_name,
    days,
    picture,
    tree,
    write_days,
)
from tests.night.work import entries

pytestmark = pytest.mark.usefixtures("pool_here")


def night_of(name: str, suffix: str = ".jpg") -> str:
    return name.removesuffix(".jpg") + "n" + suffix


def test_every_day_has_its_night_under_its_name(nightly: Nightly, day: ImageSet) -> None:
    summary = nightly.run(day)
    night = ImageSet.open(nightly.out)
    assert (summary.images, summary.made, summary.failed) == (8, 8, 0)
    assert [row.name for row in night.rows] == sorted(night_of(row.name) for row in day.rows)
    assert night.counts() == day.counts()
    tables = {"manifest.csv", "origins.csv", "recipe.json"}
    assert set(tree(nightly.out)) == {night_of(row.name) for row in day.rows} | tables
    for row in night.rows:
        assert row.name == night_of(row.source)
        assert row.time_of_day == "night"
        assert (row.width, row.height) == (16, 12)
        assert row.digest == digest_bytes(night.read(row))
        source = read_rgb(day.root / row.source)
        assert abs(read_rgb(night.read(row)).astype(int) - source // 2).mean() < 20


def test_a_png_night_is_exact(nightly: Nightly, day: ImageSet) -> None:
    nightly.output = PNG
    nightly.run(day)
    for row in ImageSet.open(nightly.out).rows:
        assert row.name == night_of(row.source, ".png")
        assert (read_rgb(nightly.out / row.name) == read_rgb(day.root / row.source) // 2).all()


def test_every_night_knows_its_origin(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    recipe = Recipe.of(Darkened(), JPG)
    nights = {row.name: row for row in ImageSet.open(nightly.out).rows}
    origins = read_origins(nightly.out)
    assert [origin.source for origin in origins] == [row.name for row in day.rows]
    for origin, row in zip(origins, day.rows, strict=True):
        assert origin.name == night_of(row.name)
        assert origin.source_digest == row.digest
        assert origin.digest == nights[origin.name].digest
        assert (origin.translator, origin.status, origin.reason) == ("darkened", "done", "")
        assert origin.checkpoint_digest == recipe.record["checkpoint_digest"]
        assert origin.settings_digest == recipe.settings_digest
        assert origin.numeric_path == "cpu-uint8"
    assert read_json(nightly.out / "recipe.json") == recipe.document()


def test_nothing_in_the_set_tells_where_or_when_it_was_made(
    tmp_path: Path, nightly: Nightly, day: ImageSet
) -> None:
    nightly.run(day)
    for name, data in tree(nightly.out).items():
        assert str(tmp_path).encode() not in data, name


def test_nights_share_their_bytes_with_the_store(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    kept = {path.stat().st_ino for path in entries(nightly.store)}
    assert {(nightly.out / row.name).stat().st_ino for row in ImageSet.open(nightly.out).rows} == kept


def test_a_second_run_translates_nothing_and_gives_the_same(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    assert nightly.calls() == 8
    summary = nightly.run(day)
    assert (summary.made, nightly.calls()) == (0, 0)
    assert tree(nightly.out) == before


def test_the_out_may_be_gone_or_empty_as_dvc_leaves_it(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    shutil.rmtree(nightly.out)
    nightly.run(day)
    assert tree(nightly.out) == before
    shutil.rmtree(nightly.out)
    nightly.out.mkdir()
    nightly.run(day)
    assert tree(nightly.out) == before


def test_one_changed_image_is_translated_again_alone(nightly: Nightly, tmp_path: Path, day: ImageSet) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    nightly.calls()
    changed = days(8) | {day_name(4): picture(99)}
    nightly.run(write_days(tmp_path / "changed", changed))
    assert nightly.calls() == 1
    after = tree(nightly.out)
    differing = {name for name in after if after[name] != before.get(name)}
    assert differing == {night_of(day_name(4)), "manifest.csv", "origins.csv"}


def test_a_removed_image_takes_its_night_along_and_a_new_one_brings_its_own(
    nightly: Nightly, tmp_path: Path, day: ImageSet
) -> None:
    nightly.run(day)
    nightly.calls()
    other = days(9)
    del other[day_name(4)]
    nightly.run(write_days(tmp_path / "other", other))
    assert nightly.calls() == 1
    night = ImageSet.open(nightly.out)
    assert [row.source for row in night.rows] == sorted(other)
    assert len(entries(nightly.store)) == 9


def test_images_with_the_same_bytes_share_one_night(nightly: Nightly, tmp_path: Path) -> None:
    twins = {day_name(number): picture(number % 2) for number in range(6)}
    summary = nightly.run(write_days(tmp_path / "twins", twins))
    assert (summary.images, summary.made, nightly.calls()) == (6, 2, 2)
    assert len(ImageSet.open(nightly.out).rows) == 6


def test_a_changed_setting_translates_everything_and_going_back_nothing(
    nightly: Nightly, day: ImageSet
) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    assert nightly.calls() == 8
    nightly.level = 3
    nightly.run(day)
    assert nightly.calls() == 8
    assert tree(nightly.out) != before
    nightly.level = 2
    nightly.run(day)
    assert nightly.calls() == 0
    assert tree(nightly.out) == before


def test_a_spoilt_entry_is_made_again_alone(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    nightly.calls()
    spoilt = entries(nightly.store)[3]
    spoilt.write_bytes(b"\0" * spoilt.stat().st_size)
    nightly.run(day)
    assert nightly.calls() == 1
    assert tree(nightly.out) == before


def test_a_lost_journal_costs_time_and_nothing_else(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    nightly.calls()
    next(nightly.store.rglob("journal.txt")).write_bytes(b"")
    nightly.run(day)
    assert nightly.calls() == 8
    assert tree(nightly.out) == before


def test_a_folder_that_is_no_set_is_not_replaced(nightly: Nightly, day: ImageSet) -> None:
    nightly.out.mkdir()
    (nightly.out / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="not empty and is not a dataset"):
        nightly.run(day)
    assert tree(nightly.out) == {"thesis.tex": b"years of work"}
    shutil.rmtree(nightly.out)
    nightly.out.write_text("a file")
    with pytest.raises(UserError, match="not empty and is not a dataset"):
        nightly.run(day)


@pytest.mark.parametrize("place", ["day", "day/images/night", ".", "work/nights/night", "work"])
def test_the_night_lies_neither_in_the_day_nor_in_the_store(
    tmp_path: Path, day: ImageSet, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nightly, "out", tmp_path / place)
    before = tree(day.root)
    with pytest.raises(ParameterError, match="must not contain each other"):
        Nightly(tmp_path).run(day)
    assert tree(day.root) == before


def test_a_set_of_nights_is_refused_before_any_work(nightly: Nightly, tmp_path: Path, day: ImageSet) -> None:
    nightly.run(day)
    nightly.calls()
    nights = ImageSet.open(nightly.out.rename(tmp_path / "first"))
    with pytest.raises(NameFormatError, match="already the name of a night"):
        nightly.run(nights)
    assert nightly.calls() == 0


def test_two_days_with_one_night_name_are_refused(nightly: Nightly, tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "day")
    for suffix, data in ((".jpg", picture(1)), (".png", picture(2, form="PNG"))):
        name = day_name(1).removesuffix(".jpg") + suffix
        writer.add(name, data, source=f"tar/1{suffix}", width=16, height=12)
    with pytest.raises(SetError, match="two images with the name"):
        nightly.run(writer.finish())
    assert not nightly.out.exists()
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(("field", "value"), [("workers", 0), ("max_failed", 1.5), ("max_failed", -1)])
def test_impossible_values_are_refused_before_any_work(
    nightly: Nightly, day: ImageSet, field: str, value: float
) -> None:
    setattr(nightly, field, value)
    with pytest.raises(ParameterError, match=str(value)):
        nightly.run(day)
    assert not nightly.store.exists()


def test_nights_of_a_walk_count_frames_as_their_days(nightly: Nightly, tmp_path: Path) -> None:
    walk = made_walks(make_walks(tmp_path / "raw"), tmp_path / "walk")
    nightly.run(walk)
    night = ImageSet.open(nightly.out)
    assert night.positions_in == "frames"
    assert merge_sets(walk, night, tmp_path / "dn", 1.0, 0).positions_in == "frames"
