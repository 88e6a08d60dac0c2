"""Formatting that was ended half-way continues from what is whole, and from nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.datasets.formatting.build_set import RawImage, Recode, format_set
from pipeline.datasets.formatting.resume import ResumableSet, resume_key
from pipeline.datasets.image_set.image_names import Details, name_at_utm
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import BadImageError, DusklineError, SetError
from tests.compute.resources.noted import NotedWork
from tests.datasets.raw_forms import jpeg, png


class StopError(Exception):
    """Stands for whatever ends a run."""


class Raw:
    """Images that count how often they are read; `broken` ones are no images."""

    def __init__(self, count: int = 10) -> None:
        self.count = count
        self.read: list[int] = []
        self.broken: set[int] = set()

    def images(self, stop: int | None = None) -> Iterator[RawImage]:
        for number in range(self.count):
            if number == stop:
                raise StopError
            name = name_at_utm(585_000.0, 4_477_000.0, 17, "T", Details(pano_id=number)).encode()
            recode = Recode(90) if number % 2 else None
            time = "night" if number == 3 else ""
            yield RawImage(
                "train", "queries", name, f"a.tar/{number}.jpg", self._reader(number), time, recode
            )

    def _reader(self, number: int) -> Callable[[], bytes]:
        def read() -> bytes:
            self.read.append(number)
            if number in self.broken:
                return b"no image"
            return png(seed=number) if number % 2 else jpeg(seed=number)

        return read


def run(raw: Raw, root: Path, work: Path, stop: int | None = None, key: str = "k") -> ImageSet:
    resumable = ResumableSet.opened(work, key)
    try:
        return format_set(raw.images(stop), root, workers=2, resumable=resumable)
    finally:
        resumable.close()


@pytest.fixture
def whole(tmp_path: Path) -> ImageSet:
    return format_set(Raw().images(), tmp_path / "whole", workers=1)


@pytest.fixture
def stopped(tmp_path: Path) -> Raw:
    """A run that was ended after eight images."""
    raw = Raw()
    with pytest.raises(StopError):
        run(raw, tmp_path / "set", tmp_path / "work", stop=9)
    raw.read.clear()
    return raw


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "work" / "k").rglob("*.jpg"))


def test_what_is_whole_is_not_read_again_and_costs_no_copy(
    tmp_path: Path, stopped: Raw, whole: ImageSet
) -> None:
    had = kept(tmp_path)
    assert 1 <= len(had) < 9
    inodes = {path.stat().st_ino for path in had}
    made = run(stopped, tmp_path / "set", tmp_path / "work")
    assert len(stopped.read) == 10 - len(had)
    assert made.digest == whole.digest
    assert inodes <= {made.path(row).stat().st_ino for row in made.rows}
    assert not (tmp_path / "work").exists()


def damage_cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def damage_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("damage", [damage_cut, damage_zeros, Path.unlink])
def test_an_image_that_is_not_as_it_was_listed_is_made_again(
    tmp_path: Path, stopped: Raw, whole: ImageSet, damage: Callable[[Path], None]
) -> None:
    had = kept(tmp_path)
    damage(had[0])
    made = run(stopped, tmp_path / "set", tmp_path / "work")
    assert len(stopped.read) == 10 - len(had) + 1
    assert made.digest == whole.digest


@pytest.mark.parametrize("torn", [b"images/train/queries/@1@", b"\0" * 50, b"\xff\xfe\t00000000\n"])
def test_a_torn_line_is_passed_over_and_ended(
    tmp_path: Path, stopped: Raw, whole: ImageSet, torn: bytes
) -> None:
    had = len(kept(tmp_path))
    listed = tmp_path / "work" / "k" / "images.txt"
    with listed.open("ab") as stream:
        stream.write(torn)
    with pytest.raises(StopError):
        run(stopped, tmp_path / "set", tmp_path / "work", stop=9)
    stopped.read.clear()
    assert run(stopped, tmp_path / "set", tmp_path / "work").digest == whole.digest
    assert len(stopped.read) <= 10 - had


def test_another_key_starts_again_and_clears_away_what_the_first_left(
    tmp_path: Path, stopped: Raw, whole: ImageSet
) -> None:
    assert run(stopped, tmp_path / "set", tmp_path / "work", key="other").digest == whole.digest
    assert sorted(stopped.read) == list(range(10))
    assert not (tmp_path / "work" / "k").exists()


def test_an_image_that_now_comes_from_elsewhere_is_read(tmp_path: Path, stopped: Raw) -> None:
    had = len(kept(tmp_path))
    resumable = ResumableSet.opened(tmp_path / "work", "k")
    images = (
        RawImage(one.split, one.role, one.file_name, f"b.tar/{number}.jpg", one.read, "", one.recode)
        for number, one in enumerate(stopped.images())
    )
    made = format_set(images, tmp_path / "set", workers=1, resumable=resumable)
    assert len(stopped.read) == 10 > had
    assert {row.source.split("/")[0] for row in made.rows} == {"b.tar"}


def test_after_broken_pictures_the_others_are_kept(tmp_path: Path, whole: ImageSet) -> None:
    raw = Raw()
    raw.broken = {4}
    with pytest.raises(BadImageError, match="1 of 10 images cannot be read"):
        run(raw, tmp_path / "set", tmp_path / "work")
    raw.broken.clear()
    raw.read.clear()
    assert run(raw, tmp_path / "set", tmp_path / "work").digest == whole.digest
    assert raw.read == [4]


def test_two_of_one_name_are_refused_also_when_half_done(tmp_path: Path) -> None:
    one = next(Raw().images())
    resumable = ResumableSet.opened(tmp_path / "work", "k")
    with pytest.raises(SetError, match="two images with the name"):
        format_set([one, one], tmp_path / "set", workers=1, resumable=resumable)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "work").write_bytes(b"")
    with pytest.raises(DusklineError, match=r"could not write .*work/k"):
        ResumableSet.opened(tmp_path / "work", "k")


def test_the_key_follows_the_raw_files_and_the_choices(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.tar").write_bytes(b"1234")
    os.utime(raw / "a.tar", ns=(1, 1))
    first = resume_key(raw, "pittsburgh", {"part": "x"})
    assert resume_key(raw, "pittsburgh", {"part": "x"}) == first
    assert resume_key(raw, "pittsburgh", {"part": "y"}) != first
    os.utime(raw / "a.tar", ns=(2, 2))
    assert resume_key(raw, "pittsburgh", {"part": "x"}) != first
    (raw / "archives.json").write_text("[]")
    recorded = resume_key(raw, "pittsburgh", {"part": "x"})
    os.utime(raw / "archives.json", ns=(3, 3))
    assert resume_key(raw, "pittsburgh", {"part": "x"}) == recorded


def test_what_is_whole_is_told_from_work(tmp_path: Path, stopped: Raw) -> None:
    had = len(kept(tmp_path))
    with NotedWork() as told:
        run(stopped, tmp_path / "set", tmp_path / "work")
        assert told.work == (10, 10 - had)
    with NotedWork() as told:
        format_set(Raw().images(), tmp_path / "other", workers=1)
        assert told.work == (10, 10)
