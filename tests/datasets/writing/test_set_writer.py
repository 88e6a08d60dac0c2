from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.writing.set_writer import SetWriter, replaced_set
from pipeline.runtime.errors import MissingInputError, SetError
from tests.datasets.image_set.test_image_set import file_name


def add(writer: SetWriter, name: str, data: bytes = b"data", source: str = "a.tar/1.jpg") -> ImageRow:
    return writer.add(name, data, source=source, width=4, height=3)


@pytest.fixture
def made(tmp_path: Path) -> ImageSet:
    """A database of three images of one to three bytes."""
    writer = SetWriter(tmp_path / "set")
    for number in (1, 2, 3):
        add(writer, f"images/train/database/{file_name(number)}", b"x" * number)
    return writer.finish()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train/database/@1@2@.jpg", "expected images/"),
        ("images/train/database/deeper/@1@2@.jpg", "expected images/"),
        ("images/training/database/@1@2@.jpg", "expected images/"),
        ("images/train/gallery/@1@2@.jpg", "expected images/"),
        ("images/train/database/photo.jpg", "begins with '@'"),
        ("images/train/database/@1@2@.JPG", "ends in .jpg or .png"),
        ("images/train/database/@1@2@.jpeg", "ends in .jpg or .png"),
        ("images/train/database/@1@2@\n@.jpg", "control characters"),
        ("images/train/database/@east@2@.jpg", "field 1 (easting) must be UTM metres, found 'east'"),
    ],
)
def test_names_outside_the_convention_are_not_written(tmp_path: Path, name: str, message: str) -> None:
    writer = SetWriter(tmp_path / "set")
    with pytest.raises(SetError) as caught:
        add(writer, name)
    assert message in caught.value.message
    assert "(from a.tar/1.jpg)" in caught.value.message
    assert not (tmp_path / "set").exists()


def test_other_values_are_checked_too(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "set")
    name = f"images/train/database/{file_name(1)}"
    with pytest.raises(SetError, match="time of day 'noon' is not one of"):
        writer.add(name, b"x", source="s", width=1, height=1, time_of_day="noon")
    with pytest.raises(SetError, match="a name or source may not contain line ends"):
        add(writer, name, source="a.tar/\r1.jpg")
    with pytest.raises(SetError, match="size 0, width 4, height 3 must be at least 1"):
        add(writer, name, b"")


def test_a_second_image_of_the_same_name_is_refused_with_both_sources(tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "set")
    name = f"images/train/database/{file_name(1)}"
    add(writer, name, b"first", source="000.tar/1.jpg")
    with pytest.raises(SetError, match=r"from 000\.tar/1\.jpg and from 001\.tar/1\.jpg"):
        add(writer, name, b"second", source="001.tar/1.jpg")
    assert (tmp_path / "set" / name).read_bytes() == b"first"
    add(writer, name.replace("database", "queries"), b"the same base name in another role is another image")
    assert len(writer.finish().rows) == 2


def test_an_empty_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetError, match="no images for the dataset"):
        SetWriter(tmp_path / "set").finish()


def test_a_set_is_written_into_an_empty_folder_only(tmp_path: Path) -> None:
    add(SetWriter(tmp_path), f"images/train/database/{file_name(1)}")
    with pytest.raises(SetError, match="new or empty folder"):
        SetWriter(tmp_path)
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(SetError, match="new or empty folder"):
        SetWriter(file)


def test_links_share_their_bytes(made: ImageSet, tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "linked")
    for row in made.rows:
        assert writer.link(row, made.path(row)) == row
    linked = writer.finish()
    assert linked.rows == made.rows
    assert linked.digest == made.digest
    assert linked.path(linked.rows[0]).samefile(made.path(made.rows[0]))


def test_links_to_files_of_another_size_or_to_none_are_refused(made: ImageSet, tmp_path: Path) -> None:
    writer = SetWriter(tmp_path / "linked")
    with pytest.raises(SetError, match=r"has 2 bytes, the row .* says 1"):
        writer.link(made.rows[0], made.path(made.rows[1]))
    with pytest.raises(MissingInputError, match=r"no such file: .*gone\.jpg"):
        writer.link(made.rows[0], tmp_path / "gone.jpg")


def test_a_set_is_replaced_only_by_a_complete_one(made: ImageSet) -> None:
    with pytest.raises(RuntimeError, match="half-way"), replaced_set(made.root) as writer:
        add(writer, f"images/test/queries/{file_name(9)}")
        raise RuntimeError("half-way")
    assert ImageSet.open(made.root).rows == made.rows
    with replaced_set(made.root) as writer:
        add(writer, f"images/test/queries/{file_name(9)}")
    assert ImageSet.open(made.root).counts() == {"test/queries": 1}
    assert [path.name for path in made.root.parent.iterdir()] == [made.root.name]
