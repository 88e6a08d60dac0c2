from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, features

from pipeline.core.image_formats import decoders, opened
from pipeline.core.image_io import open_rgb, read_rgb
from pipeline.datasets.formatting.photo_metadata import read_header
from pipeline.runtime.errors import BadImageError, NoReaderError
from tests.colour_profiles import DISPLAY_P3, rgb_profile

pillow_heif.register_heif_opener()

# Blue on the left, red on the right.
LEFT_BLUE = np.full((32, 64, 3), (255, 0, 0), np.uint8)
LEFT_BLUE[:, :32] = (0, 0, 255)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def of_phone(form: str) -> bytes:
    """A photograph on its side, with a position, a date and a profile, as phones write them."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.IFD.GPSInfo] = {1: "N", 2: (48.0, 30.0, 0.0), 3: "W", 4: (9.0, 0.0, 36.0)}
    exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: "2021:05:06 07:08:09"}
    return saved(Image.fromarray(LEFT_BLUE), form, exif=exif.tobytes(), quality=95)


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_a_phone_s_photograph_is_upright_and_says_where_and_when(form: str, tmp_path: Path) -> None:
    # The name does not matter.
    (tmp_path / "a.jpg").write_bytes(of_phone(form))
    pixels = read_rgb(tmp_path / "a.jpg").astype(int)
    assert pixels.shape == (64, 32, 3)
    assert np.abs(pixels[8, 16] - (0, 0, 255)).max() < 12
    assert np.abs(pixels[56, 16] - (255, 0, 0)).max() < 12
    header = read_header(tmp_path / "a.jpg")
    assert (header.latitude, header.longitude) == (48.5, pytest.approx(-9.01))
    assert (header.date, header.plain) == ("20210506_070809", False)


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_their_profiles_and_transparency_count(form: str) -> None:
    wide = Image.new("RGB", (64, 64), (200, 30, 60))
    data = saved(wide, form, icc_profile=rgb_profile(DISPLAY_P3), quality=95)
    assert np.abs(read_rgb(data)[32, 32].astype(int) - (218, 0, 54)).max() <= 5
    clear = Image.new("RGBA", (64, 64), (200, 30, 60, 0))
    assert read_rgb(saved(clear, form, quality=95)).min() == 255


@pytest.mark.parametrize("form", ["HEIF", "AVIF"])
def test_truncated_ones_are_named(form: str) -> None:
    data = of_phone(form)
    for end in (len(data) - 40, len(data) // 2, 300):
        with pytest.raises(BadImageError, match=r"a walk/1\.jpg: .*(decoded)"):
            open_rgb(data[:end], label="a walk/1.jpg")


def test_a_file_that_only_says_it_is_one_is_named() -> None:
    for brand, called in ((b"heic", "HEIC"), (b"avif", "AVIF")):
        with pytest.raises(BadImageError, match=f"image: {called} that cannot be decoded: truncated or"):
            open_rgb(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1" + brand + bytes(500))
    film = b"\0\0\0\x18ftypisom" + b"\0\0\0\0isomavc1" + bytes(500)
    with pytest.raises(BadImageError, match="image: not an image that can be read"):
        open_rgb(film)


def test_without_a_reader_they_are_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(NoReaderError) as caught:
        open_rgb(of_phone("HEIF"), label="a.jpg")
    assert caught.value.message == (
        "a.jpg: HEIC, which needs pillow-heif: pip install 'duskline[heic]', or convert it to JPEG"
    )
    monkeypatch.setattr(features, "check", {"avif": False}.__getitem__)
    with pytest.raises(NoReaderError, match=r"a\.jpg: AVIF, which this build of Pillow cannot read; convert"):
        open_rgb(of_phone("AVIF"), label="a.jpg")


def test_the_reader_is_imported_for_such_pictures_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert np.array_equal(read_rgb(saved(Image.fromarray(LEFT_BLUE), "PNG")), LEFT_BLUE)


def test_of_several_pictures_in_one_heic_the_main_one_is_read() -> None:
    second = Image.new("RGB", (32, 32), "green")
    data = saved(Image.fromarray(LEFT_BLUE), "HEIF", save_all=True, append_images=[second], quality=95)
    with opened(data) as image:
        assert image.n_frames == 2
    assert np.abs(read_rgb(data)[16, 8].astype(int) - (0, 0, 255)).max() < 12


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_animations_are_named(form: str) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "green", "blue")]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(BadImageError, match=r"^a\.png: an animation of 3 frames; save the frame that"):
        open_rgb(data, label="a.png")
    assert np.abs(read_rgb(saved(frames[0], form))[9, 9].astype(int) - (255, 0, 0)).max() < 12


def test_the_decoders_are_named_with_their_versions() -> None:
    assert [name.rpartition("-")[0] for name in decoders().split("_")] == [
        "pillow",
        "simplejpeg",
        "pillow-heif",
    ]
