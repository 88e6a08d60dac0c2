from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.common import CommonSettings, place_of, read_common
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import BadArchiveError, MissingInputError, ParameterError, SetError, UserError
from tests.datasets.raw_forms import golden, jpeg, write_tar, write_zip

# Where recorded archives lie; here they are in the raw folder.
HELD = Path("nowhere")
SETTINGS = CommonSettings("refuse")
FULL = "@0549612.46@4178795.78@10@S@037.75510@-122.43661@pano@@120@@@@201311@@.jpg"
SHORT = "@0549613.46@4178795.78@.jpg"
CONTENT = {
    f"xs/val/database/{FULL}": jpeg(seed=1),
    f"xs/val/queries/{FULL}": jpeg(seed=2),
    f"xs/test/database/{SHORT}": jpeg(seed=3),
    f"xs/test/queries/{FULL}": jpeg(seed=4),
    "xs/readme.txt": b"hello",
    "xs/map.png": b"an image outside the splits",
    "xs/test/.DS_Store": b"",
    f"__MACOSX/xs/test/queries/._{FULL}": b"",
}


def write_folder(root: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def formatted(raw: Path, root: Path, settings: CommonSettings = SETTINGS) -> ImageSet:
    return format_set(read_common(raw, settings, HELD), root, workers=2)


def check(made: ImageSet) -> None:
    assert {row.name: made.read(row) for row in made.rows} == {
        name.replace("xs/", "images/", 1): data for name, data in list(CONTENT.items())[:4]
    }
    assert {(row.width, row.height) for row in made.rows} == {(64, 48)}


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_an_archive_without_the_images_level(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "raw" / f"xs{suffix}"
    if suffix == ".zip":
        write_zip(path, CONTENT)
    else:
        write_tar(path, CONTENT, "w:gz" if suffix == ".tar.gz" else "w")
    made = formatted(tmp_path / "raw", tmp_path / "set")
    check(made)
    assert made.rows[0].source == f"xs{suffix}/xs/test/database/{SHORT}"


@pytest.mark.parametrize("level", ["", "images/", "outer/deep/images/"])
def test_a_folder_with_or_without_outer_levels(tmp_path: Path, level: str) -> None:
    content = {level + name.removeprefix("xs/"): data for name, data in CONTENT.items()}
    made = formatted(write_folder(tmp_path / "raw", content), tmp_path / "set")
    check(made)
    assert made.rows[0].source == f"{level}test/database/{SHORT}"


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("test/queries/a.jpg", ("test", "queries")),
        ("tokyo_xs/images/test/database/37.7/a.jpg", ("test", "database")),
        ("test/sf_xs/val/queries/a.jpg", ("val", "queries")),
        ("sf_xs/train/37.70/a.jpg", ("train", "")),
        ("train/a.jpg", ("train", "")),
        ("database/a.jpg", ("", "")),
        ("test", ("", "")),
    ],
)
def test_places(path: str, place: tuple[str, str]) -> None:
    assert place_of(path) == place


FLAT = {f"sf_xs/train/37.7/{FULL}": jpeg(seed=5), f"sf_xs/train/37.8/{SHORT}": jpeg(seed=6)}


@pytest.mark.parametrize("role", ["database", "queries"])
def test_a_flat_split_takes_the_role_it_is_given(
    tmp_path: Path, role: Literal["database", "queries"]
) -> None:
    write_zip(tmp_path / "raw" / "sf_xs.zip", {**FLAT, f"sf_xs/test/queries/{FULL}": jpeg()})
    made = formatted(tmp_path / "raw", tmp_path / "set", CommonSettings(role))
    assert made.counts() == {f"train/{role}": 2, "test/queries": 1}
    assert made.read(made.where("train")[0]) == FLAT[f"sf_xs/train/37.7/{FULL}"]


def test_a_flat_split_may_be_left_out(tmp_path: Path) -> None:
    write_zip(tmp_path / "raw" / "sf_xs.zip", {**FLAT, f"sf_xs/test/queries/{FULL}": jpeg()})
    made = formatted(tmp_path / "raw", tmp_path / "set", CommonSettings("skip"))
    assert made.counts() == {"test/queries": 1}
    write_zip(tmp_path / "raw" / "sf_xs.zip", FLAT)
    with pytest.raises(MissingInputError, match="no images named @easting@northing@"):
        formatted(tmp_path / "raw", tmp_path / "other", CommonSettings("skip"))


def test_a_flat_split_is_refused_when_nothing_is_said(tmp_path: Path) -> None:
    write_zip(tmp_path / "sf_xs.zip", FLAT)
    with pytest.raises(SetError, match=r"2 of 2 images in sf_xs\.zip (?s:.*)set flat_role for it"):
        next(read_common(tmp_path, SETTINGS, HELD))
    with pytest.raises(
        ParameterError, match="flat_role must be one of refuse, skip, database, queries, not 'both'"
    ):
        build(CommonSettings, {"flat_role": "both"}, "x")


def test_pictures_outside_the_convention_are_all_named_before_the_first_image(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        {
            f"test/database/{FULL}": jpeg(),
            "test/database/photo.jpg": jpeg(),
            "test/database/x@1@2@.jpg": jpeg(),
            "test/queries/@east@2@.jpg": jpeg(),
            f"elsewhere/{SHORT}": jpeg(),
        },
    )
    with pytest.raises(SetError) as caught:
        next(read_common(tmp_path, SETTINGS, HELD))
    assert caught.value.message == (
        f"4 of 5 images in {tmp_path} are not in the common layout:\n"
        f"    elsewhere/{SHORT} (not in a folder train, val or test)\n"
        "    test/database/photo.jpg (the name does not begin with '@')\n"
        "    test/database/x@1@2@.jpg (the name does not begin with '@')\n"
        "    test/queries/@east@2@.jpg (field 1 (easting) must be UTM metres, found 'east' in '@east@2@.jpg')"
    )


def test_suffixes_become_lower_case_jpg(tmp_path: Path) -> None:
    write_folder(
        tmp_path / "raw",
        {
            f"test/queries/@{number}@2@{suffix}": jpeg()
            for number, suffix in enumerate((".JPG", ".jpeg", ".JPEG"))
        },
    )
    made = formatted(tmp_path / "raw", tmp_path / "set")
    assert [row.file_name for row in made.rows] == ["@0@2@.jpg", "@1@2@.jpg", "@2@2@.jpg"]


def test_flattened_folders_may_not_hold_the_same_name_twice(tmp_path: Path) -> None:
    write_folder(tmp_path / "raw", {f"test/queries/{folder}/{FULL}": jpeg() for folder in "ab"})
    with pytest.raises(
        SetError, match=r"two images with the name .*from test/queries/a/@.* and from test/queries/b/@"
    ):
        formatted(tmp_path / "raw", tmp_path / "set")


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no raw folder"):
        next(read_common(tmp_path / "nothing", SETTINGS, HELD))
    with pytest.raises(MissingInputError, match=r"no images named .* in the splits train, val, test of"):
        next(read_common(tmp_path, SETTINGS, HELD))


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_folder(tmp_path / "raw", CONTENT)
    scandir = os.scandir

    def refused(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("xs/val/queries"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(UserError, match=r"cannot list the folder .*xs/val/queries: Permission denied"):
        next(read_common(raw, SETTINGS, HELD))


def test_two_archives_are_one_too_many(tmp_path: Path) -> None:
    for name in ("tokyo_xs.zip", "sf_xs.zip"):
        write_zip(tmp_path / name, CONTENT)
    with pytest.raises(
        SetError,
        match=r"expected one archive in the common layout, found 2 in .*:\s+sf_xs\.zip\s+tokyo_xs\.zip",
    ):
        next(read_common(tmp_path, SETTINGS, HELD))


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "xs.zip", CONTENT)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadArchiveError, match=r"xs\.zip cannot be read"):
        next(read_common(tmp_path, SETTINGS, HELD))


def test_roles_by_other_names_as_svox_has_them(tmp_path: Path) -> None:
    content = {
        f"svox/images/test/{folder}/{FULL}": jpeg(seed=seed)
        for seed, folder in enumerate(("gallery", "queries_night", "queries_rain"))
    }
    settings = CommonSettings("skip", database_folder="gallery", queries_folder="queries_night")
    made = formatted(write_folder(tmp_path / "raw", content), tmp_path / "set", settings)
    assert made.counts() == {"test/database": 1, "test/queries": 1}
    (query,) = made.where("test", "queries")
    assert made.read(query) == jpeg(seed=1)
    assert query.time_of_day == "night"
    assert made.where("test", "database")[0].time_of_day == ""
    with pytest.raises(SetError, match=r"queries_rain.*in a split without database and queries"):
        formatted(tmp_path / "raw", tmp_path / "other", dataclasses.replace(settings, flat_role="refuse"))


def test_svox_names_of_six_fields_are_on_one_ground(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Fields 3 and 4 are a date and a panorama there, no zone; each image has others."""
    (known,) = golden("today_sets.json")["svox"]["names"]
    _, east, north, date, panorama, *rest = known["path"].rpartition("/")[2].split("@")
    folders = [
        "val/gallery",
        "val/queries",
        *(f"test/{name}" for name in ("gallery", "queries", "queries_night")),
    ]
    content = {known["path"].replace("queries", "queries_night"): jpeg()}
    for folder, n in itertools.product(folders, range(1, 4)):
        fields = (f"{float(east) + n:010.2f}", north, str(int(date) + n), f"{n}{panorama}", *rest)
        content[f"svox/images/{folder}/@{'@'.join(fields)}"] = jpeg(seed=n)
    write_zip(tmp_path / "raw" / "svox.zip", content)
    settings = CommonSettings("skip", database_folder="gallery", queries_folder="queries_night")
    made = formatted(tmp_path / "raw", tmp_path / "set", settings)
    assert made.counts() == {"val/database": 3, "test/database": 3, "test/queries": 4}
    assert (known["east"], known["north"]) in {(row.east, row.north) for row in made.where("test", "queries")}
    assert {row.time_of_day for row in made.where(role="queries")} == {"night"}
    assert "zone" not in caplog.text
