from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from pipeline.runtime.errors import MissingInputError, UserError
from unit.data.domain_images import Side, list_side, side_of_folder, side_of_listings


def folder_of(root: Path, **contents: str) -> Path:
    """A folder of images `<name>.jpg`, each grey of its own level, a digit."""
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), int(content)).save(root / f"{name}.jpg")
    return root


def listed(root: Path, **folders: Path) -> Side:
    for name, folder in folders.items():
        list_side(folder, root / "listings" / f"{name}.csv")
    return side_of_listings(folders, root / "listings")


def test_pictures_of_a_folder_are_sorted_in_subfolders_too(tmp_path: Path) -> None:
    folder_of(tmp_path, b="1", a="2", **{"inner/0": "3"})
    (tmp_path / "notes.txt").write_text("no image")
    side = side_of_folder(tmp_path)
    assert [picture.name for picture in side.pictures] == ["a.jpg", "b.jpg", "inner/0.jpg"]
    assert side.paths == tuple(tmp_path / name for name in ("a.jpg", "b.jpg", "inner/0.jpg"))


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    for make in (side_of_folder, lambda folder: list_side(folder, tmp_path / "listing.csv")):
        with pytest.raises(MissingInputError, match="no such folder"):
            make(tmp_path / "absent")
        with pytest.raises(MissingInputError, match="no images"):
            make(tmp_path)
    assert not (tmp_path / "listing.csv").exists()


def test_a_digest_is_of_names_and_contents_alone(tmp_path: Path) -> None:
    first, second = (folder_of(tmp_path / place, a="1", b="2") for place in ("x", "y"))
    assert side_of_folder(first).digest() == side_of_folder(second).digest()
    (second / "b.jpg").rename(second / "c.jpg")
    assert side_of_folder(first).digest() != side_of_folder(second).digest()
    (second / "c.jpg").rename(second / "b.jpg")
    (second / "b.jpg").write_text("3")
    assert side_of_folder(first).digest() != side_of_folder(second).digest()


def test_a_listing_says_what_is_there_but_not_where(tmp_path: Path) -> None:
    assert list_side(folder_of(tmp_path / "x", b="1", a="2"), tmp_path / "listing.csv") == 2
    text = (tmp_path / "listing.csv").read_text()
    assert [line.partition(",")[0] for line in text.splitlines()] == ["path", "a.jpg", "b.jpg"]
    assert str(tmp_path) not in text


def test_several_listings_are_one_side_wherever_their_folders_lie(tmp_path: Path) -> None:
    tokyo, nexet = folder_of(tmp_path / "t", a="1"), folder_of(tmp_path / "n", a="2", b="3")
    side = listed(tmp_path, tokyo=tokyo, nexet=nexet)
    assert [picture.name for picture in side.pictures] == ["nexet/a.jpg", "nexet/b.jpg", "tokyo/a.jpg"]
    assert side.paths == (nexet / "a.jpg", nexet / "b.jpg", tokyo / "a.jpg")
    digest = side.digest()
    moved = Path(shutil.move(tokyo, tmp_path / "elsewhere"))
    assert side_of_listings({"nexet": nexet, "tokyo": moved}, tmp_path / "listings").digest() == digest
    assert side_of_listings({"nexet": nexet}, tmp_path / "listings").digest() != digest


@pytest.mark.parametrize("name", ["new", "a"])
def test_pictures_that_came_or_went_since_are_named(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path / "x", a="1", b="2")
    listed(tmp_path, mine=folder)
    if name == "a":
        (folder / "a.jpg").unlink()
    else:
        folder_of(folder, new="3")
    with pytest.raises(UserError, match=rf"1 images have changed since they were listed:\s+.*/x/{name}\.jpg"):
        side_of_listings({"mine": folder}, tmp_path / "listings")


def test_a_picture_that_changed_since_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "x", a="1", b="2")
    side = listed(tmp_path, mine=folder)
    (folder / "b.jpg").write_text("other")
    with pytest.raises(UserError, match=r"1 images have changed since .*:\s+.*/x/b\.jpg") as caught:
        side.digest()
    assert "dvc repro" in str(caught.value)


def test_a_folder_that_was_never_listed(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"mine\.csv"):
        side_of_listings({"mine": folder_of(tmp_path / "x", a="1")}, tmp_path / "listings")
