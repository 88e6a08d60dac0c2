"""Runs with bad images, broken translators and full disks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.records.provenance import read_origins
from pipeline.runtime.errors import DusklineError
from tests.night.fakes import (
    DEADLY,
    FAULTY,
    REFUSED,
    Nightly,
    claimed,
    day_name,
    days,
    picture,
    plain,
    saved,
    tree,
    write_days,
)
from tests.night.work import KILLS

pytestmark = pytest.mark.usefixtures("pool_here")

# Five that have no night, and a single pixel that has one.
BAD = [
    b"",
    b"<html>",
    picture(50, 64, 48)[:1500],
    claimed(20_000, 20_000),
    plain(REFUSED),
    saved(Image.new("L", (1, 1)), "PNG"),
]


def with_bad_ones(root: Path) -> ImageSet:
    """Six good days and the bad ones, of which one was emptied after the manifest was written."""
    pictures = {day_name(number): picture(number) for number in range(6)}
    pictures |= {day_name(100 + number): data for number, data in enumerate(BAD)}
    written = write_days(root, pictures)
    empty = next(name for name, data in pictures.items() if not data)
    (root / empty).write_bytes(b"")
    rows = (replace(row, digest=digest_bytes(b"")) if row.name == empty else row for row in written.rows)
    return ImageSet(root, tuple(rows), written.digest)


def test_too_many_bad_images_are_an_error_and_the_out_is_as_it_was(nightly: Nightly, tmp_path: Path) -> None:
    nightly.run(write_days(tmp_path / "day", days(4)))
    before = tree(nightly.out)
    bad = with_bad_ones(tmp_path / "bad")
    nightly.max_failed = 0.4
    with pytest.raises(DusklineError, match=r"5 of 12 images have no night, more than .* 0\.4") as caught:
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
    with pytest.raises(DusklineError, match=r"no image of .*bad has a night:\n *1  not an image"):
        nightly.run(write_days(tmp_path / "bad", {day_name(1): b"no image"}))
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
        DusklineError, match="1 images could not be translated; the images are not the cause"
    ) as caught:
        nightly.run(day)
    assert f"first: {day.rows[2].name}" in caught.value.message
    assert "7 others are kept" in caught.value.hint
    assert not nightly.out.exists()


def test_a_translator_that_breaks_is_an_error_whatever_is_allowed(nightly: Nightly, tmp_path: Path) -> None:
    nightly.max_failed = 1.0
    day = write_days(tmp_path / "day", days(5) | {day_name(50): plain(FAULTY)})
    with pytest.raises(DusklineError, match="RuntimeError: out of order"):
        nightly.run(day)
    assert nightly.calls() == 6
    repaired = write_days(tmp_path / "repaired", days(5))
    assert nightly.run(repaired).made == 0


@pytest.mark.usefixtures("real_pool")
def test_a_picture_that_kills_its_worker_is_a_row_with_its_reason_and_tried_again_the_next_time(
    nightly: Nightly, tmp_path: Path
) -> None:
    day = write_days(tmp_path / "day", days(5) | {day_name(50): plain(DEADLY)})
    with pytest.raises(DusklineError, match=r"1 of 6 images have no night, more than") as caught:
        nightly.run(day)
    assert f"{KILLS.reason}  (first: {day_name(50)})" in caught.value.message
    nightly.calls()
    nightly.max_failed = 0.2
    summary = nightly.run(day)
    assert (summary.made, summary.failed, nightly.calls()) == (0, 1, 2)
    assert [origin.reason for origin in read_origins(nightly.out) if origin.status == "failed"] == [
        KILLS.reason
    ]


def test_a_translator_that_always_breaks_is_stopped(nightly: Nightly, tmp_path: Path) -> None:
    broken = {day_name(number): plain(FAULTY) + bytes([number]) for number in range(60)}
    with pytest.raises(DusklineError, match="20 images could not be translated"):
        nightly.run(write_days(tmp_path / "day", broken))
    assert nightly.calls() < 30
