from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.errors import DusklineError, NameFormatError, ParameterError, SetError
from pipeline.core.files import digest_bytes, read_json
from pipeline.core.pictures import read_rgb
from pipeline.datasets.image_set import ImageSet
from pipeline.datasets.set_writer import SetWriter
from pipeline.night import store as store_module
from pipeline.night.origins import read_origins
from pipeline.night.translator import Recipe
from tests.night.fakes import (
    FAULTY,
    JPG,
    PNG,
    REFUSED,
    Darkened,
    Nightly,
    claimed,
    day_name,
    days,
    picture,
    plain,
    saved,
    tree,
    without_checkpoint,
    write_days,
)


@pytest.fixture
def nightly(tmp_path: Path) -> Nightly:
    return Nightly(tmp_path)


@pytest.fixture
def day(tmp_path: Path) -> ImageSet:
    return write_days(tmp_path / "day", days(8))


def night_of(name: str, suffix: str = ".jpg") -> str:
    return name.removesuffix(".jpg") + "n" + suffix


def entries(nightly: Nightly) -> list[Path]:
    return sorted(path for path in nightly.store.rglob("*.jpg") if not path.name.startswith("."))


def test_every_day_has_its_night_under_its_name(nightly: Nightly, day: ImageSet) -> None:
    summary = nightly.run(day)
    night = ImageSet.open(nightly.out)
    assert (summary.images, summary.made, summary.failed) == (8, 8, 0)
    assert [row.name for row in night.rows] == sorted(night_of(row.name) for row in day.rows)
    assert night.counts() == day.counts()
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


def test_the_set_is_the_same_whatever_the_number_of_workers(tmp_path: Path, day: ImageSet) -> None:
    sets = []
    for workers in (1, 3):
        place = Nightly(tmp_path / f"with-{workers}", workers=workers)
        place.run(day)
        sets.append(tree(place.out))
    assert sets[0] == sets[1]
    assert set(sets[0]) == {night_of(row.name) for row in day.rows} | {
        "manifest.csv",
        "origins.csv",
        "recipe.json",
    }


def test_nothing_in_the_set_tells_where_or_when_it_was_made(
    tmp_path: Path, nightly: Nightly, day: ImageSet
) -> None:
    nightly.run(day)
    for name, data in tree(nightly.out).items():
        assert str(tmp_path).encode() not in data, name


def test_nights_share_their_bytes_with_the_store(nightly: Nightly, day: ImageSet) -> None:
    nightly.run(day)
    kept = {path.stat().st_ino for path in entries(nightly)}
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
    assert len(entries(nightly)) == 9


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


def spoil_missing(path: Path) -> None:
    path.unlink()


def spoil_truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def spoil_in_place(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def spoil_by_a_crash(path: Path) -> None:
    times = path.stat()
    path.write_bytes(b"\0" * times.st_size)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("spoil", [spoil_missing, spoil_truncated, spoil_in_place, spoil_by_a_crash])
def test_a_spoilt_entry_is_made_again_alone(
    nightly: Nightly, day: ImageSet, spoil: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    nightly.calls()
    spoil(entries(nightly)[3])  # type: ignore[operator]
    if spoil is spoil_by_a_crash:
        monkeypatch.setattr(store_module, "boot_identity", lambda: "after the crash")
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


# Name, bytes, beginning of the reason; "" means it has a night.
BAD = [
    (b"", "empty"),
    (b"<html>", "not a picture that can be read"),
    (picture(50, 64, 48)[:1500], "cannot be decoded (image file is truncated"),
    (claimed(20_000, 20_000), "cannot be decoded (Image size (400000000 pixels)"),
    (plain(REFUSED), "too plain to be translated"),
    (saved(Image.new("L", (1, 1)), "PNG"), ""),
]


def with_bad_ones(root: Path, good: Iterable[int] = range(6)) -> ImageSet:
    pictures = {day_name(number): picture(number) for number in good}
    pictures |= {day_name(100 + number): data for number, (data, _) in enumerate(BAD)}
    written = write_days(root, pictures)
    for name, data in pictures.items():
        if not data:
            (root / name).write_bytes(data)
    if b"" in pictures.values():
        manifest = root / "manifest.csv"
        manifest.write_text(manifest.read_text().replace(digest_bytes(b"-"), digest_bytes(b"")))
        rows = [
            row
            if row.digest != digest_bytes(b"-")
            else type(row)(row.name, row.source, digest_bytes(b""), 1, 16, 12)
            for row in written.rows
        ]
        return ImageSet(root, tuple(rows), written.digest)
    return written


def test_bad_images_are_rows_with_a_reason_and_the_others_are_made(nightly: Nightly, tmp_path: Path) -> None:
    nightly.max_failed = 0.5
    summary = nightly.run(with_bad_ones(tmp_path / "bad"))
    assert (summary.images, summary.made, summary.failed) == (12, 7, 5)
    night = ImageSet.open(nightly.out)
    by_source = {origin.source: origin for origin in read_origins(nightly.out)}
    assert len(by_source) == 12
    for number, (_, reason) in enumerate(BAD):
        origin = by_source[day_name(100 + number)]
        assert origin.reason.startswith(reason)
        assert origin.status == ("failed" if reason else "done")
        assert bool(origin.digest) == (not reason)
    done = {origin.name for origin in by_source.values() if origin.status == "done"}
    assert {row.name for row in night.rows} == done
    assert "5 failed:" in str(summary)
    assert "empty  (first: " in str(summary)


def test_too_many_bad_images_are_an_error_and_the_out_is_as_it_was(nightly: Nightly, tmp_path: Path) -> None:
    nightly.run(write_days(tmp_path / "day", days(4)))
    before = tree(nightly.out)
    bad = with_bad_ones(tmp_path / "bad")
    nightly.max_failed = 0.4
    with pytest.raises(DusklineError, match=r"5 of 12 pictures have no night, more than .* 0\.4") as caught:
        nightly.run(bad)
    assert "too plain to be translated  (first: images/" in caught.value.message
    assert tree(nightly.out) == before
    listing = next(path for path in nightly.store.rglob("origins.csv"))
    assert str(listing) in caught.value.hint
    assert sum(origin.status == "failed" for origin in read_origins(listing.parent)) == 5


def test_bad_images_are_not_tried_again_and_allowing_them_is_enough(nightly: Nightly, tmp_path: Path) -> None:
    bad = with_bad_ones(tmp_path / "bad")
    with pytest.raises(DusklineError):
        nightly.run(bad)
    # Six good ones, the single pixel, and the plain one that only the translator refuses.
    assert nightly.calls() == 8
    nightly.max_failed = 0.5
    summary = nightly.run(bad)
    assert (summary.made, summary.failed, nightly.calls()) == (0, 5, 0)


def test_a_set_of_bad_images_alone_is_an_error_whatever_is_allowed(nightly: Nightly, tmp_path: Path) -> None:
    nightly.max_failed = 1.0
    with pytest.raises(DusklineError, match=r"no image of .*bad has a night:\n *1  not a picture"):
        nightly.run(write_days(tmp_path / "bad", {day_name(1): b"no picture"}))
    assert not nightly.out.exists()


def test_a_file_that_cannot_be_read_now_is_tried_the_next_time(nightly: Nightly, day: ImageSet) -> None:
    path = day.path(day.rows[2])
    path.rename(path.with_suffix(".gone"))
    with pytest.raises(DusklineError, match="cannot be read"):
        nightly.run(day)
    path.with_suffix(".gone").rename(path)
    assert nightly.run(day).made == 1


def test_a_file_that_is_not_the_manifests_is_no_failure_that_may_be_allowed(
    nightly: Nightly, day: ImageSet
) -> None:
    nightly.max_failed = 1.0
    day.path(day.rows[2]).write_bytes(picture(77))
    with pytest.raises(
        DusklineError, match="1 pictures could not be translated, not for their own sake"
    ) as caught:
        nightly.run(day)
    assert f"first: {day.rows[2].name}" in caught.value.message
    assert "7 others were translated and are kept" in caught.value.hint
    assert not nightly.out.exists()


def test_a_translator_that_breaks_is_an_error_whatever_is_allowed(nightly: Nightly, tmp_path: Path) -> None:
    nightly.max_failed = 1.0
    day = write_days(tmp_path / "day", days(5) | {day_name(50): plain(FAULTY)})
    with pytest.raises(DusklineError, match="RuntimeError: out of order"):
        nightly.run(day)
    assert nightly.calls() == 6
    mended = write_days(tmp_path / "mended", days(5))
    assert nightly.run(mended).made == 0


def test_a_translator_that_always_breaks_is_stopped(nightly: Nightly, tmp_path: Path) -> None:
    broken = {day_name(number): plain(FAULTY) + bytes([number]) for number in range(60)}
    with pytest.raises(DusklineError, match="20 pictures could not be translated"):
        nightly.run(write_days(tmp_path / "day", broken))
    assert nightly.calls() < 30


def test_what_the_factory_raises_comes_through(nightly: Nightly, day: ImageSet) -> None:
    with pytest.raises(DusklineError, match="no checkpoint here"):
        nightly.run(day, without_checkpoint)
    assert not nightly.store.exists()


def test_a_folder_that_is_no_set_is_not_replaced(nightly: Nightly, day: ImageSet) -> None:
    nightly.out.mkdir()
    (nightly.out / "thesis.tex").write_text("years of work")
    with pytest.raises(SetError, match="neither empty nor an image set"):
        nightly.run(day)
    assert tree(nightly.out) == {"thesis.tex": b"years of work"}
    shutil.rmtree(nightly.out)
    nightly.out.write_text("a file")
    with pytest.raises(SetError, match="neither empty nor an image set"):
        nightly.run(day)


@pytest.mark.parametrize("place", ["day", "day/images/night", ".", "work/nights/night", "work"])
def test_the_night_lies_neither_in_the_day_nor_in_the_store(
    tmp_path: Path, day: ImageSet, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Nightly, "out", tmp_path / place)
    before = tree(day.root)
    with pytest.raises(ParameterError, match="may not lie in each other"):
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


def test_a_full_disk_is_a_clear_error_and_the_next_run_goes_on(
    nightly: Nightly, day: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.replace
    done = 0

    def fails_after_three(path: Path, target: Path) -> Path:
        nonlocal done
        if target.suffix == ".jpg":
            done += 1
            if done > 3:
                raise OSError(28, "No space left on device")
        return real(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", fails_after_three)
        with pytest.raises(DusklineError, match=r"could not write .*: No space left on device") as caught:
            nightly.run(day)
    assert "check free disk space" in caught.value.hint
    assert not nightly.out.exists()
    assert len(entries(nightly)) == 3
    assert not list(nightly.base.rglob("*.part"))
    assert nightly.run(day).made == 5


def test_a_full_disk_while_the_set_is_filled_leaves_the_old_set(
    nightly: Nightly, day: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nightly.run(day)
    before = tree(nightly.out)
    real = os.link
    links = 0

    def fails_after_three(*arguments: object) -> None:
        nonlocal links
        links += 1
        if links > 3:
            raise OSError(28, "No space left on device")
        real(*arguments)  # type: ignore[arg-type]

    larger = write_days(tmp_path / "larger", days(9))
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", fails_after_three)
        with pytest.raises(DusklineError, match="could not link"):
            nightly.run(larger)
    assert tree(nightly.out) == before
    assert not list(nightly.base.rglob("*.part"))
    assert nightly.run(larger).made == 0
    assert len(ImageSet.open(nightly.out).rows) == 9
