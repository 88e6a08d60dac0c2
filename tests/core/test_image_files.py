from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.image_files import count_pictures, picture_files
from pipeline.runtime.errors import UserError


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def test_pictures_in_any_case_sorted_by_their_posix_paths(tmp_path: Path) -> None:
    make(tmp_path, "b/c.Png", "b.jpg", "a.JPEG", "B.jpg", "notes.txt", "jpg", "film.mp4", "b/d/e.jpg")
    make(tmp_path, "c.HEIC", "d.avif", "e.JFIF", "f.jpe", "g.webp", "h.hif", "i.heif")
    others = ["c.HEIC", "d.avif", "e.JFIF", "f.jpe", "g.webp", "h.hif", "i.heif"]
    assert picture_files(tmp_path) == ["B.jpg", "a.JPEG", "b.jpg", "b/c.Png", "b/d/e.jpg", *others]
    assert picture_files(tmp_path / "b" / "d") == ["e.jpg"]


def test_hidden_ones_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, ".hidden.jpg", "._a.JPG", ".thumbnails/a.jpg", "__MACOSX/b/._a.jpg", "a.jpg")
    assert picture_files(tmp_path) == ["a.jpg"]


def test_a_hidden_folder_above_does_not_matter(tmp_path: Path) -> None:
    assert picture_files(make(tmp_path / ".cache" / "photos", "a.jpg")) == ["a.jpg"]


def test_linked_files_are_taken_and_linked_folders_are_named_but_not_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = make(tmp_path / "elsewhere", "x.jpg")
    folder = make(tmp_path / "photos", "walk/a.jpg")
    (folder / "link.jpg").symlink_to(elsewhere / "x.jpg")
    (folder / "walk" / "more").symlink_to(elsewhere)
    (folder / "loop").symlink_to(folder)
    assert picture_files(folder) == ["link.jpg", "walk/a.jpg"]
    assert "photos: linked folders are not followed:\n    loop\n    walk/more" in caplog.text


def test_a_folder_that_is_itself_a_link_is_listed(tmp_path: Path) -> None:
    make(tmp_path / "photos", "a.jpg")
    (tmp_path / "alias").symlink_to(tmp_path / "photos")
    assert picture_files(tmp_path / "alias") == ["a.jpg"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a.jpg", "shut/b.jpg")
    scandir = os.scandir

    def refused(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(UserError, match=r"cannot list the folder .*/shut: Permission denied"):
        picture_files(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot list the folder .*/nowhere: No such file"):
        picture_files(tmp_path / "nowhere")


def test_what_may_be_a_picture_and_is_not_taken_is_counted_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(
        tmp_path,
        "a.jpg",
        "b.DNG",
        "c/d.dng",
        "c/e.MOV",
        "f.tif",
        "coordinates.csv",
        "g.xmp",
        ".h.dng",
        "bare",
    )
    assert picture_files(tmp_path) == ["a.jpg"]
    assert [record.getMessage().partition(";")[0] for record in caplog.records] == [
        f"{tmp_path}: skipped 2 .dng, 1 .mov, 1 .tif, 1 without a suffix"
    ]


def test_nothing_is_said_of_what_lies_beside_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(
        tmp_path,
        "a.jpg",
        "b.heic",
        "coordinates.csv",
        "a.json",
        "a.aae",
        "track.gpx",
        "Thumbs.db",
        "@eaDir/a.tif",
    )
    assert picture_files(tmp_path) == ["a.jpg", "b.heic"]
    assert caplog.text == ""


def test_pictures_are_counted_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(tmp_path, "a.jpg", "b/c.HIF", "@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg", "d.dng")
    assert count_pictures(tmp_path) == 2
    assert count_pictures(tmp_path / "nowhere") == 0
    assert caplog.text == ""
