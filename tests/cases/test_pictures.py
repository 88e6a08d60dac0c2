"""Images as in real folders: good ones are read, others named with reasons, clutter is left out."""

from __future__ import annotations

import csv
import io
import struct
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from click.testing import CliRunner, Result
from PIL import ExifTags, Image

from pipeline.core.files import write_bytes
from pipeline.core.image_io import read_rgb
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.common import CommonSettings, read_common
from pipeline.datasets.formatting.readers.folder import FolderSettings, read_folder
from pipeline.datasets.image_set.image_names import position_of
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine import translate_set
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.provenance import read_origins
from pipeline.runtime.errors import BadImageError, UserError
from stages.translate_folder import main
from tests.colour_profiles import DISPLAY_P3, rgb_profile
from tests.datasets.raw_forms import jpeg, picture, png, write_tar
from tests.night.pool_here import night_pool_here
from unit.data.domain_images import list_side, side_of_folder, side_of_listings

pillow_heif.register_heif_opener()
NORTH, EAST = 48.5, 9.01


def coded(image: Image.Image, form: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def taken(number: int, form: str = "JPEG") -> bytes:
    """Photograph `number` of a walk to the north, 11 m a step, with its position in the EXIF."""
    exif = Image.Exif()
    seconds = (NORTH + number * 1e-4 - 48) * 3600
    latitude = (48.0, float(seconds // 60), seconds % 60)
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: latitude, 3: "E", 4: (9.0, 0.0, 36.0)}
    return coded(picture(seed=number), form, exif=exif.tobytes(), quality=95)


def folder_of(root: Path, pictures: Mapping[str, bytes], *, listed: bool = True) -> Path:
    """A folder of photographs, with a CSV of the same walk where they are `listed`."""
    for name, data in pictures.items():
        write_bytes(root / name, data)
    if listed:
        with (root / "coordinates.csv").open("w", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(["path", "latitude", "longitude"])
            table.writerows([name, NORTH + step * 1e-4, EAST] for step, name in enumerate(pictures))
    return root


def formatted(folder: Path) -> ImageSet:
    coordinates = "coordinates.csv" if (folder / "coordinates.csv").is_file() else "exif"
    settings = FolderSettings(coordinates, "folder", "share", jpeg_quality=95, query_share=0.3, seed=1)
    return format_set(read_folder(folder, settings, folder), folder.parent / "set", workers=2)


def refused(folder: Path) -> str:
    with pytest.raises((UserError, BadImageError)) as caught:
        formatted(folder)
    assert not (folder.parent / "set").exists()
    return str(caught.value)


def by_source(images: ImageSet) -> dict[str, np.ndarray]:
    return {row.source: read_rgb(images.read(row)) for row in images.rows}


def norths(images: ImageSet) -> list[float]:
    """How far north of the first each image is, in metres, in the order of the sources."""
    found = [position_of(row.file_name)[1] for row in sorted(images.rows, key=lambda row: row.source)]
    return [north - found[0] for north in found]


def translated(folder: Path, monkeypatch: pytest.MonkeyPatch, form: str = "png") -> Result:
    monkeypatch.setattr(translate_set, "night_pool", night_pool_here)
    monkeypatch.chdir(folder.parent)
    arguments = [str(folder), "nights", "--photometric", "meant", "--format", form]
    return CliRunner().invoke(main, arguments)


def reasons(folder: Path) -> dict[str, str]:
    """Why images have no night."""
    origins = read_origins(folder.parent / "nights")
    return {origin.source: origin.reason for origin in origins if origin.status != "done"}


# 07


EA_DIR = "@eaDir/IMG_{}.jpg/SYNOPHOTO_THUMB_{}.jpg"


@pytest.fixture
def on_a_nas(tmp_path: Path) -> Path:
    names = [EA_DIR.format(number, size) for number in range(6) for size in ("XL", "M")]
    thumbnails = dict.fromkeys(names, jpeg(8, 8))
    return folder_of(
        tmp_path / "walk", {f"IMG_{n}.jpg": taken(n) for n in range(6)} | thumbnails, listed=False
    )


def test_07_thumbnails_of_a_nas_are_in_no_set(on_a_nas: Path) -> None:
    images = formatted(on_a_nas)
    assert sorted(row.source for row in images.rows) == [f"IMG_{number}.jpg" for number in range(6)]
    assert norths(images) == pytest.approx([11.12 * step for step in range(6)], abs=0.05)


def test_07_nor_have_they_nights(on_a_nas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = translated(on_a_nas, monkeypatch)
    assert "6 nights (6 newly translated" in result.stdout
    assert len(list((on_a_nas.parent / "nights").rglob("*.png"))) == 6


def test_07_nor_are_they_learnt_from(on_a_nas: Path, tmp_path: Path) -> None:
    assert list_side(on_a_nas, tmp_path / "lists" / "walk.csv") == 6
    names = [f"IMG_{number}.jpg" for number in range(6)]
    assert [one.name for one in side_of_folder(on_a_nas).pictures] == names
    assert len(side_of_listings({"walk": on_a_nas}, tmp_path / "lists").pictures) == 6


def test_07_nor_taken_from_an_archive(tmp_path: Path) -> None:
    name = "@0544000.00@4180000.00@@@@@{}@@@@@@@@.jpg"
    members = {f"x/test/{role}/{name.format(role)}": jpeg() for role in ("database", "queries")}
    members |= {f"x/test/queries/@eaDir/{name.format('small')}": jpeg(8, 8)}
    write_tar(tmp_path / "raw" / "x.tar", members)
    rows = list(read_common(tmp_path / "raw", CommonSettings("refuse"), tmp_path))
    assert sorted(raw.role for raw in rows) == ["database", "queries"]


# 13b


def damaged(number: int) -> dict[str, bytes]:
    whole = coded(picture(320, 240, number), "JPEG", quality=97)
    half = len(whole) // 2
    return {
        "cut_and_closed.jpg": whole[:half] + b"\xff\xd9",
        "half_zero.jpg": whole[:half] + bytes(len(whole) - half - 2) + b"\xff\xd9",
        "hole.jpg": whole[:half] + bytes(2000) + whole[half + 2000 :],
        "lost.jpg": whole[:half] + whole[half + 1500 :],
        "truncated.jpg": whole[:half],
    }


@pytest.mark.parametrize("number", range(3))
def test_13b_damaged_photographs_are_named_and_whole_ones_are_not(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holes = damaged(number)
    folder = folder_of(tmp_path / "walk", {"a.jpg": jpeg(), "b.jpg": jpeg(seed=1)} | holes)
    told = refused(folder)
    assert told.startswith("5 of 7 images cannot be read:")
    assert all(f"{name}: cannot be decoded (" in told for name in holes)
    assert "copy damaged images again from the camera or phone" in told
    assert "archive" not in told
    assert translated(folder, monkeypatch).exit_code == 1
    assert reasons(folder).keys() == holes.keys()
    assert len(list((tmp_path / "nights").glob("*.png"))) == 2


def test_13b_members_of_an_archive_are_named_in_words_of_archives(tmp_path: Path) -> None:
    name = "x/test/{}/@0544000.00@4180000.00@@@@@@@@@@@@@.jpg"
    hole = damaged(0)["hole.jpg"]
    write_tar(tmp_path / "raw" / "x.tar", {name.format("database"): jpeg(), name.format("queries"): hole})
    images = read_common(tmp_path / "raw", CommonSettings("refuse"), tmp_path)
    with pytest.raises(
        BadImageError, match=r"1 of 2 images cannot be read:\n.*x\.tar/x/test/queries/"
    ) as caught:
        format_set(images, tmp_path / "set", workers=1)
    assert "download their archives again" in caught.value.hint


# 14, 14b, x8


def phone_and_camera() -> dict[str, bytes]:
    heic = {f"IMG_{number}.HEIC": taken(number, "HEIF") for number in range(6)}
    return heic | {f"IMG_{number}.JPG": taken(number) for number in range(6, 10)}


@pytest.mark.parametrize("listed", [False, True])
def test_14_heic_is_read_with_its_position(listed: bool, tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "walk", phone_and_camera(), listed=listed)
    images = formatted(folder)
    assert norths(images) == pytest.approx([11.12 * step for step in range(10)], abs=0.06)
    assert all(row.name.endswith(".jpg") and images.read(row)[:2] == b"\xff\xd8" for row in images.rows)
    seen = by_source(images)
    for number in range(6):
        expected = np.asarray(picture(seed=number), int)
        assert np.abs(seen[f"IMG_{number}.HEIC"] - expected).mean() < 6


def test_14_without_its_reader_heic_is_counted_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    folder = folder_of(tmp_path / "walk", phone_and_camera(), listed=False)
    assert sorted(by_source(formatted(folder))) == [f"IMG_{number}.JPG" for number in range(6, 10)]
    told = [record.getMessage() for record in caplog.records if "HEIC" in record.getMessage()]
    assert len(told) == 1
    assert told[0].startswith(f"{folder}: skipped 6 photographs: HEIC, ")
    assert "pip install 'duskline[heic]', or convert" in told[0]


def test_14b_without_its_reader_heic_that_is_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    folder = folder_of(tmp_path / "walk", phone_and_camera())
    told = refused(folder)
    assert told.startswith(f"6 photographs of {folder} cannot be used:")
    assert told.count("HEIC, which needs pillow-heif: pip install 'duskline[heic]'") == 6
    assert translated(folder, monkeypatch).exit_code == 1
    assert reasons(folder).keys() == {f"IMG_{number}.HEIC" for number in range(6)}


@pytest.mark.parametrize("listed", [False, True])
def test_x8_content_decides_what_a_file_is(listed: bool, tmp_path: Path) -> None:
    pictures = {"0.HEIC": taken(0), "1.jpg": taken(1, "HEIF"), "2.JPG": taken(2, "PNG"), "3.png": taken(3)}
    images = formatted(folder_of(tmp_path / "walk", pictures, listed=listed))
    assert norths(images) == pytest.approx([0, 11.12, 22.24, 33.36], abs=0.05)
    # A JPEG's bytes are copied, whatever its name.
    data = {row.source: images.read(row) for row in images.rows}
    assert (data["0.HEIC"], data["3.png"]) == (pictures["0.HEIC"], pictures["3.png"])
    assert all(one[:2] == b"\xff\xd8" for one in data.values())
    assert all(row.name.endswith(".jpg") for row in images.rows)


def test_what_nobody_takes_is_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = {"a.jpg": jpeg(), "b.jpg": jpeg(seed=1)}
    folder = folder_of(tmp_path / "walk", pictures)
    for name in ("a.DNG", "b.dng", "raw/c.dng", "d.MOV", "notes.txt"):
        write_bytes(folder / name, b"something")
    formatted(folder)
    assert translated(folder, monkeypatch).exit_code == 0
    told = [record.getMessage() for record in caplog.records if "skipped" in record.getMessage()]
    assert [line.partition(";")[0] for line in told] == [f"{folder}: skipped 3 .dng, 1 .mov"] * 2


# x1, x3, and colours


def test_x1_what_is_too_long_for_a_jpeg_is_named(tmp_path: Path) -> None:
    strip = coded(Image.new("RGB", (66_000, 4)), "PNG")
    told = refused(folder_of(tmp_path / "walk", {"a.jpg": jpeg(), "b.jpg": jpeg(seed=1), "strip.png": strip}))
    assert (
        "1 of 3 images cannot be read:\n    strip.png: 66000x4 pixels, but a JPEG's sides are at most 65,500"
        in told
    )


def test_x1_also_of_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strip = coded(Image.new("RGB", (66_000, 4)), "PNG")
    folder = folder_of(tmp_path / "walk", {"a.jpg": jpeg(), "strip.png": strip})
    assert translated(folder, monkeypatch, "jpg").exit_code == 1
    assert reasons(folder) == {"strip.png": "66000x4 pixels, but a JPEG's sides are at most 65,500"}


def test_x3_hidden_colours_do_not_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = np.full((48, 64, 4), (0, 200, 0, 255), np.uint8)
    pixels[:, :32] = (200, 0, 0, 0)
    picture_of = {f"{number}.png": coded(Image.fromarray(pixels), "PNG") for number in range(4)}
    folder = folder_of(tmp_path / "walk", picture_of)
    for seen in by_source(formatted(folder)).values():
        assert np.abs(seen[:, :24].astype(int) - 255).max() < 6
        assert np.abs(seen[:, 40:].astype(int) - (0, 200, 0)).max() < 6
    laid = np.where(pixels[..., 3:] == 0, np.uint8(255), pixels[..., :3])
    assert translated(folder, monkeypatch).exit_code == 0
    assert np.array_equal(read_rgb(tmp_path / "nights" / "0n.png"), PhotometricTranslator("meant")(laid))


def test_display_p3_is_converted_when_encoded_again_and_wherever_it_is_decoded(tmp_path: Path) -> None:
    profile = rgb_profile(DISPLAY_P3)
    flat = Image.new("RGB", (64, 48), (200, 30, 60))
    pictures = {
        "anew.png": coded(flat, "PNG", icc_profile=profile),
        "progressive.jpg": coded(flat, "JPEG", icc_profile=profile, progressive=True, quality=97),
        "copied.jpg": coded(flat, "JPEG", icc_profile=profile, quality=97),
        "srgb.png": coded(flat, "PNG"),
    }
    images = formatted(folder_of(tmp_path / "walk", pictures))
    seen = by_source(images)
    for name in ("anew.png", "progressive.jpg", "copied.jpg"):
        assert np.abs(seen[name][24, 32].astype(int) - (218, 0, 54)).max() <= 5
    assert np.abs(seen["srgb.png"][24, 32].astype(int) - (200, 30, 60)).max() <= 3
    data = {row.source: images.read(row) for row in images.rows}
    assert data["copied.jpg"] == pictures["copied.jpg"]
    # What is coded again is sRGB, and says nothing else.
    for name in ("anew.png", "progressive.jpg"):
        assert "icc_profile" not in Image.open(io.BytesIO(data[name])).info


def test_an_animation_is_named(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "green")]
    moving = coded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    told = refused(folder_of(tmp_path / "walk", {"a.jpg": jpeg(), "b.jpg": jpeg(seed=1), "c.webp": moving}))
    assert "c.webp: an animation of 2 frames; save the frame that you need as an image" in told


def test_the_photograph_of_two_pictures_in_one_file_is_taken(tmp_path: Path) -> None:
    """As phones write them for depth or for brighter screens."""
    other = Image.new("RGB", (64, 48), "red")
    two = coded(picture(seed=5), "MPO", save_all=True, append_images=[other], quality=97)
    pictures = {"a.jpg": two, "b.jpg": jpeg(seed=1), "c.png": png(seed=2)}
    seen = by_source(formatted(folder_of(tmp_path / "walk", pictures)))
    assert np.abs(seen["a.jpg"] - np.asarray(picture(seed=5), int)).mean() < 3


# Halves, and other forms than the name says


def test_a_png_and_a_progressive_jpeg_of_which_the_end_is_missing_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is properly ended: decoders give half an image, or a blur, and say nothing."""
    header, rows = png(64, 48)[:33], b"".join(b"\0" + bytes([200]) * 192 for _ in range(24))
    packed = b"IDAT" + zlib.compress(rows)
    data = struct.pack(">I", len(packed) - 4) + packed + struct.pack(">I", zlib.crc32(packed))
    end = png()[-12:]
    whole = coded(picture(), "JPEG", progressive=True, quality=95)
    first = whole[: whole.index(b"\xff\xda", whole.index(b"\xff\xda") + 2)] + b"\xff\xd9"
    halves = {"half.png": header + data + end, "first.jpg": first}
    for half in halves.values():
        with Image.open(io.BytesIO(half)) as image:
            image.load()
    folder = folder_of(tmp_path / "walk", {"a.jpg": jpeg(), "b.jpg": whole} | halves)
    told = refused(folder)
    assert told.startswith("2 of 4 images cannot be read:")
    assert "half.png: cannot be decoded (its pixels end before its last row)" in told
    assert "first.jpg: cannot be decoded (some of its scans are missing)" in told
    assert translated(folder, monkeypatch).exit_code == 1
    assert reasons(folder).keys() == halves.keys()


COMMON = "test/{}/@0544000.00@4180000.00@@@@@{}@@@@@@@@.{}"


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_copied_is_jpeg_or_png_by_its_content(packed: bool, tmp_path: Path) -> None:
    right = {COMMON.format("database", "a", "jpg"): png(), COMMON.format("queries", "a", "png"): jpeg()}
    wrong = {
        COMMON.format("queries", form, "jpg"): coded(picture(), form)
        for form in ("HEIF", "AVIF", "GIF", "WEBP", "BMP")
    }

    def made(files: Mapping[str, bytes], root: Path) -> ImageSet:
        if packed:
            root.mkdir()
            write_tar(root / "x.tar", dict(files))
        else:
            folder_of(root, files, listed=False)
        images = read_common(root, CommonSettings("refuse"), root)
        return format_set(images, tmp_path / "set", workers=2)

    with pytest.raises(BadImageError, match=r"^5 of 7 images cannot be read:") as caught:
        made(right | wrong, tmp_path / "all")
    assert all(f"{name}: neither JPEG nor PNG; convert it" in caught.value.message for name in wrong)
    assert not (tmp_path / "set").exists()
    images = made(right, tmp_path / "right")
    assert {images.read(row) for row in images.rows} == set(right.values())
