"""Sets of shards: the same sets in another form, read without unpacking, and changed shard by shard."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set import tar_shards
from pipeline.datasets.image_set.image_names import Details, name_at_utm
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.image_set.tar_shards import (
    INDEX,
    SHARDS,
    ByteRange,
    member_id,
    pack,
    shard_count,
    shard_of,
)
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import SetError

MANY = 60


@pytest.fixture(autouse=True)
def few_to_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_shards, "PER_SHARD", 8)


def _name(number: int, split: str = "train", role: str = "database") -> str:
    file = name_at_utm(500_000 + number, 4_400_000, 17, "T", Details(pano_id=f"{number:06d}")).encode()
    return f"images/{split}/{role}/{file}"


def _data(number: int) -> bytes:
    return f"image {number} ".encode() * (1 + number % 90)


def _written(root: Path, numbers: list[int], shards_above: int | None) -> ImageSet:
    with replaced_set(root, shards_above) as writer:
        for number in numbers:
            writer.add(_name(number), _data(number), source=f"raw/{number}", width=4, height=3)
    return ImageSet.open(root)


def _tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


@pytest.fixture
def as_files(tmp_path: Path) -> ImageSet:
    return _written(tmp_path / "files", list(range(MANY)), None)


@pytest.fixture
def as_shards(tmp_path: Path) -> ImageSet:
    return _written(tmp_path / "shards", list(range(MANY)), 10)


def test_both_forms_are_the_same_set(as_files: ImageSet, as_shards: ImageSet) -> None:
    assert as_files.rows == as_shards.rows
    assert as_files.digest == as_shards.digest
    assert as_files.counts() == as_shards.counts()
    assert (as_files.index, len(as_shards.index or {})) == (None, MANY)
    for row in as_files.rows:
        assert as_files.read(row) == as_shards.read(row) == as_files.byte_range(row.name).read()
        assert digest_bytes(as_shards.read(row)) == row.digest


def test_no_image_is_a_file_of_its_own(as_shards: ImageSet) -> None:
    assert not (as_shards.root / "images").exists()
    assert {path.suffix for path in as_shards.root.rglob("*") if path.is_file()} == {".tar", ".csv"}
    with pytest.raises(SetError, match="is not a separate file") as caught:
        as_shards.path(as_shards.rows[0])
    assert "duskline export" in str(caught.value)


@pytest.mark.parametrize(("above", "in_shards"), [(MANY - 1, True), (MANY, False), (0, True)])
def test_shards_begin_above_the_size_that_was_set(tmp_path: Path, above: int, in_shards: bool) -> None:
    assert (_written(tmp_path / "set", list(range(MANY)), above).index is not None) == in_shards


def test_any_tar_reader_finds_image_and_json_side_by_side(as_shards: ImageSet) -> None:
    rows = {row.name: row for row in as_shards.rows}
    found: dict[str, dict[str, object]] = {}
    for shard in sorted((as_shards.root / SHARDS).iterdir()):
        with tarfile.open(shard) as archive:
            members = archive.getmembers()
            assert shard.read_bytes().endswith(bytes(1024))
            names = [member.name for member in members]
            assert all(name.count(".") == 1 for name in names)
            assert names[::2] == sorted(names[::2])
            for image, described in zip(members[::2], members[1::2], strict=True):
                assert (image.mtime, image.uid, image.gid, image.mode) == (0, 0, 0, 0o644)
                stream = archive.extractfile(described)
                assert stream is not None
                document = json.load(stream)
                row = rows[document["name"]]
                assert image.name == f"{member_id(row.name)}.jpg"
                assert described.name == f"{member_id(row.name)}.json"
                stream = archive.extractfile(image)
                assert stream is not None
                assert stream.read() == as_shards.read(row)
                found[row.name] = document
    assert found.keys() == rows.keys()
    one = found[_name(3)]
    assert (one["east"], one["north"], one["source"], one["width"]) == (500_003, 4_400_000, "raw/3", 4)


def test_the_index_alone_gives_position_and_bytes(as_shards: ImageSet) -> None:
    lines = (as_shards.root / INDEX).read_text().splitlines()
    assert lines[0] == "name,east,north,shard,offset,size"
    for line in lines[1:]:
        name, east, _, shard, offset, size = line.split(",")
        data = (as_shards.root / SHARDS / shard).read_bytes()[int(offset) : int(offset) + int(size)]
        assert data == _data(round(float(east)) - 500_000)
        assert name == _name(round(float(east)) - 500_000)


@pytest.mark.parametrize("numbers", [list(range(MANY - 1)), list(range(MANY + 1)), list(range(MANY))[::-1]])
def test_an_image_more_or_less_changes_one_shard(
    as_shards: ImageSet, tmp_path: Path, numbers: list[int]
) -> None:
    other = _written(tmp_path / "other", numbers, 10)
    one, two = _tree(as_shards.root / SHARDS), _tree(other.root / SHARDS)
    assert one.keys() == two.keys()
    assert sum(one[name] != two[name] for name in one) == (0 if len(numbers) == MANY else 1)


@given(st.integers(1, 100_000))
def test_shards_are_filled_evenly_enough(images: int) -> None:
    count = shard_count(images)
    assert count & (count - 1) == 0
    assert count * tar_shards.PER_SHARD >= images
    assert count == 1 or images > count * tar_shards.PER_SHARD / 2


@given(st.lists(st.text(min_size=1), unique=True), st.sampled_from([1, 2, 8, 64]))
def test_more_shards_split_each_shard(names: list[str], count: int) -> None:
    for name in names:
        assert 0 <= shard_of(name, count) < count
        assert shard_of(name, 2 * count) // 2 == shard_of(name, count)


def test_names_spread_over_the_shards() -> None:
    found = Counter(shard_of(_name(number), 16) for number in range(3200))
    assert len(found) == 16
    assert all(140 < number < 260 for number in found.values())


def test_a_picture_of_another_size_than_its_row_is_refused(as_files: ImageSet, tmp_path: Path) -> None:
    with pytest.raises(SetError, match=r"has 3 bytes, its row says \d+"):
        list(pack(as_files.rows, lambda _: b"abc", tmp_path / "out"))
    assert not list((tmp_path / "out").glob("*.tar"))


# Taking from shards


def _members(shard: Path) -> list[str]:
    with tarfile.open(shard) as archive:
        return [name for name in archive.getnames() if name.endswith(".jpg")]


def _taken(root: Path, images: ImageSet, rows: list[ImageRow], shards_above: int | None) -> ImageSet:
    with replaced_set(root, shards_above) as writer:
        for row in rows:
            writer.take(row, images)
    return ImageSet.open(root)


def test_whole_shards_are_links(as_shards: ImageSet, tmp_path: Path) -> None:
    copy = _taken(tmp_path / "copy", as_shards, list(as_shards.rows), 10)
    assert copy.digest == as_shards.digest
    nodes = {path.stat().st_ino for path in (as_shards.root / SHARDS).iterdir()}
    assert {path.stat().st_ino for path in (copy.root / SHARDS).iterdir()} == nodes
    assert all(copy.read(row) == as_shards.read(row) for row in copy.rows)


def test_of_a_shard_that_is_not_taken_whole_the_rest_is_left_behind(
    as_shards: ImageSet, tmp_path: Path
) -> None:
    rows = list(as_shards.rows[1:])
    some = _taken(tmp_path / "some", as_shards, rows, 10)
    assert list(some.rows) == rows
    assert all(some.read(row) == as_shards.read(row) for row in rows)
    members = [name for shard in (some.root / SHARDS).iterdir() for name in _members(shard)]
    assert sorted(members) == sorted(f"{member_id(row.name)}.jpg" for row in rows)
    linked = [path for path in (some.root / SHARDS).iterdir() if path.stat().st_nlink > 1]
    assert len(linked) == len(list((as_shards.root / SHARDS).iterdir())) - 1


def test_another_time_of_day_is_said_in_the_shard_too(as_shards: ImageSet, tmp_path: Path) -> None:
    first, *others = as_shards.rows
    some = _taken(tmp_path / "some", as_shards, [replace(first, time_of_day="night"), *others], 10)
    assert some.rows[0].time_of_day == "night"
    times = []
    for shard in (some.root / SHARDS).iterdir():
        with tarfile.open(shard) as archive:
            stream = next(
                (archive.extractfile(m) for m in archive if m.name == f"{member_id(first.name)}.json"), None
            )
            if stream is not None:
                times.append(json.load(stream)["time_of_day"])
    assert times == ["night"]


def test_few_images_of_shards_become_files_again(as_shards: ImageSet, tmp_path: Path) -> None:
    some = _taken(tmp_path / "some", as_shards, list(as_shards.rows[:5]), 10)
    assert some.index is None
    assert [some.path(row).read_bytes() for row in some.rows] == [
        as_shards.read(row) for row in as_shards.rows[:5]
    ]


def test_two_sets_are_joined_in_any_form(tmp_path: Path) -> None:
    one = _written(tmp_path / "one", list(range(MANY)), 10)
    two = _written(tmp_path / "two", list(range(MANY, 2 * MANY)), None)
    with replaced_set(tmp_path / "both", 10) as writer:
        for images in (one, two):
            for row in images.rows:
                writer.take(row, images)
    both = ImageSet.open(tmp_path / "both")
    assert both.digest == _written(tmp_path / "at once", list(range(2 * MANY)), None).digest
    assert all(digest_bytes(both.read(row)) == row.digest for row in both.rows)


def test_shards_of_two_sets_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    one = _written(tmp_path / "a" / "set", list(range(MANY)), 10)
    two = _written(tmp_path / "b" / "set", list(range(MANY, 2 * MANY)), 10)
    with (
        pytest.raises(SetError, match="two datasets named set cannot be combined"),
        replaced_set(tmp_path / "both", 10) as writer,
    ):
        for images in (one, two):
            for row in images.rows:
                writer.take(row, images)
    assert not (tmp_path / "both").exists()


# Sets that are not whole


def _index_lines(images: ImageSet) -> list[str]:
    return (images.root / INDEX).read_text().splitlines(keepends=True)


def test_a_missing_shard_is_named(as_shards: ImageSet) -> None:
    shard = sorted((as_shards.root / SHARDS).iterdir())[0]
    shard.unlink()
    with pytest.raises(SetError, match=rf"{SHARDS}/{shard.name} is missing, with images/"):
        ImageSet.open(as_shards.root)


def test_a_shard_that_is_cut_off_is_named(as_shards: ImageSet) -> None:
    shard = sorted((as_shards.root / SHARDS).iterdir())[0]
    shard.write_bytes(shard.read_bytes()[:600])
    with pytest.raises(SetError, match=rf"{SHARDS}/{shard.name} is cut off before images/"):
        ImageSet.open(as_shards.root)


def test_a_shard_that_nothing_names_is_named(as_shards: ImageSet) -> None:
    (as_shards.root / SHARDS / "more.tar").write_bytes(b"")
    with pytest.raises(SetError, match=r"shards/more\.tar is not in shards\.csv"):
        ImageSet.open(as_shards.root)


def test_an_index_that_lacks_an_image_or_has_one_more_is_refused(as_shards: ImageSet) -> None:
    header, first, *others = _index_lines(as_shards)
    (as_shards.root / INDEX).write_text("".join([header, *others]))
    with pytest.raises(SetError, match=r"is missing in shards\.csv"):
        ImageSet.open(as_shards.root)
    stranger = first.replace(_name(0), _name(999))
    (as_shards.root / INDEX).write_text("".join([header, first, *others, stranger]))
    with pytest.raises(SetError, match=r"is in shards\.csv but not in the manifest"):
        ImageSet.open(as_shards.root)


@pytest.mark.parametrize(
    ("old", "new"),
    [("name,east", "name,west"), (".tar,", ".zip,"), ("00000.tar", "../00000.tar"), (".tar,512,", ".tar,x,")],
)
def test_another_file_in_its_place_is_refused(as_shards: ImageSet, old: str, new: str) -> None:
    text = (as_shards.root / INDEX).read_text()
    assert old in text
    (as_shards.root / INDEX).write_text(text.replace(old, new, 1))
    with pytest.raises(SetError, match=r"shards\.csv is not an index of shards"):
        ImageSet.open(as_shards.root)


def test_another_size_in_the_index_is_named(as_shards: ImageSet) -> None:
    header, first, *others = _index_lines(as_shards)
    changed = first.rpartition(",")[0] + ",7\n"
    (as_shards.root / INDEX).write_text("".join([header, changed, *others]))
    with pytest.raises(SetError, match=r"has 7 bytes in shards\.csv, not \d+"):
        ImageSet.open(as_shards.root)


def test_a_shard_that_is_gone_while_it_is_read_is_an_error_in_words(as_shards: ImageSet) -> None:
    for shard in (as_shards.root / SHARDS).iterdir():
        shard.unlink()
    with pytest.raises(SetError, match=r"cannot read images/.* of the dataset .*: No such file"):
        as_shards.read(as_shards.rows[0])


def test_a_place_is_read_without_the_rest(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    assert ByteRange(f"{tmp_path}/file", 3, 4).read() == b"3456"
    assert io.BytesIO(ByteRange(f"{tmp_path}/file", 8, 4).read()).read() == b"89"
