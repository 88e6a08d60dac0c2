from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.core import image_io
from pipeline.core.image_formats import picture_size
from pipeline.core.image_io import encode, open_rgb, read_rgb, small_jpeg
from pipeline.runtime.errors import BadImageError

RNG = np.random.default_rng(3)
# Smooth, so that a JPEG of it is close to it; no two corners alike.
COLOURS = np.stack(np.meshgrid(np.linspace(0, 255, 16), np.linspace(255, 0, 12)), axis=2)
PIXELS = np.concatenate([COLOURS, COLOURS.mean(axis=2, keepdims=True) * 0.5], axis=2).astype(np.uint8)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def distance(one: np.ndarray, other: np.ndarray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_a_picture_is_height_by_width_by_three_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(PIXELS), "PNG"))
    read = read_rgb(tmp_path / "a.png")
    assert (read.shape, read.dtype) == ((12, 16, 3), np.uint8)
    assert np.array_equal(read, PIXELS)
    image = open_rgb(tmp_path / "a.png")
    assert (image.mode, image.size) == ("RGB", (16, 12))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_the_content_tells_the_form_not_the_name(tmp_path: Path, form: str) -> None:
    (tmp_path / "a.jpg").write_bytes(saved(Image.fromarray(PIXELS), form))
    assert distance(read_rgb(tmp_path / "a.jpg"), PIXELS) < 20


def test_the_first_picture_of_a_camera_file_with_several_is_read() -> None:
    first, second = Image.fromarray(PIXELS), Image.new("RGB", (16, 12), "red")
    data = saved(first, "MPO", save_all=True, append_images=[second], quality=95)
    assert distance(read_rgb(data), PIXELS) < 10


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "P", "YCbCr"])
def test_colours_survive_every_mode(mode: str) -> None:
    image = Image.fromarray(PIXELS).convert(mode)
    form = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    assert distance(read_rgb(saved(image, form, **({"quality": 95} if form == "JPEG" else {}))), PIXELS) < 20


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_becomes_three_equal_channels(mode: str) -> None:
    read = read_rgb(saved(Image.fromarray(PIXELS).convert(mode), "PNG"))
    assert read.shape == (12, 16, 3)
    assert np.ptp(read, axis=2).max() == 0
    assert np.ptp(read) > 100


@pytest.mark.parametrize(
    "levels", [np.array([[0, 257, 65535]], np.uint16), np.arange(0, 65536, 331, np.uint16)[None]]
)
def test_sixteen_bits_are_scaled_not_clipped(levels: np.ndarray) -> None:
    assert np.array_equal(read_rgb(saved(Image.fromarray(levels), "PNG"))[..., 0], levels // 257)


# Where the top left corner of the upright image is in the stored one, and whether it lies on its side.
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_pictures_are_turned_upright(orientation: int, form: str) -> None:
    undone = {
        1: lambda p: p,
        2: np.fliplr,
        3: lambda p: np.rot90(p, 2),
        4: np.flipud,
        5: lambda p: np.swapaxes(p, 0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: np.swapaxes(np.rot90(p, 2), 0, 1),
        8: lambda p: np.rot90(p, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(undone[orientation](PIXELS)))
    options = {"quality": 95} if form == "JPEG" else {}
    assert distance(read_rgb(saved(stored, form, exif=exif, **options)), PIXELS) < 6


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_unknown_orientation_counts_as_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_rgb(saved(Image.fromarray(PIXELS), "PNG", exif=exif)), PIXELS)


def test_damaged_exif_costs_nothing_but_itself() -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a description", 1
    whole = saved(Image.fromarray(PIXELS), "JPEG", exif=exif, quality=95)
    start = whole.index(b"Exif\0\0") + 6
    for position in range(start, start + len(exif.tobytes()) - 6):
        for value in (0, 3, 255):
            data = bytearray(whole)
            data[position] = value
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert min(open_rgb(bytes(data)).size) == 12


BAD = {
    "empty": (b"", "image: empty"),
    "text": (b"<html>", "image: not an image that can be read"),
    "zeros": (bytes(500), "image: not an image that can be read"),
    "header": (
        saved(Image.fromarray(PIXELS), "JPEG")[:25],
        "image: cannot be decoded (Truncated File Read)",
    ),
    "half-jpeg": (
        saved(Image.fromarray(PIXELS), "JPEG")[:-30],
        "image: cannot be decoded (Premature end of JPEG file)",
    ),
    "half-png": (
        saved(Image.fromarray(PIXELS), "PNG")[:80],
        "image: cannot be decoded (image file is truncated",
    ),
    "tiff": (saved(Image.fromarray(PIXELS), "TIFF"), "image: not an image that can be read"),
    "postscript": (saved(Image.fromarray(PIXELS), "EPS"), "image: not an image that can be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_whole_picture_is_told_in_words_that_never_vary(tmp_path: Path, name: str) -> None:
    data, message = BAD[name]
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(BadImageError) as caught:
        open_rgb(data)
    assert caught.value.message.startswith(message)
    with pytest.raises(BadImageError) as again:
        read_rgb(bytes(bytearray(data)))
    assert again.value.message == caught.value.message
    with pytest.raises(BadImageError) as from_path:
        read_rgb(path)
    assert from_path.value.message == caught.value.message.replace("image:", f"{path}:", 1)
    with pytest.raises(BadImageError) as labelled:
        read_rgb(data, label="000.tar/1.jpg")
    assert labelled.value.message == caught.value.message.replace("image:", "000.tar/1.jpg:", 1)


def test_a_file_that_is_not_there_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadImageError, match=r"gone\.jpg: no such file"):
        open_rgb(tmp_path / "gone.jpg")
    with pytest.raises(BadImageError, match=r": not a plain file$"):
        open_rgb(tmp_path)


def test_large_pictures_are_refused_before_they_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(Image.fromarray(PIXELS), "PNG")
    monkeypatch.setattr(image_io, "MAX_PIXELS", 16 * 12)
    assert open_rgb(data).size == (16, 12)
    monkeypatch.setattr(image_io, "MAX_PIXELS", 16 * 12 - 1)
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(BadImageError, match="image: 16x12 pixels, more than the limit of 191"):
        open_rgb(data)


@pytest.mark.parametrize(("width", "height"), [(8_001, 8_000), (20_000, 20_000), (70_000_000, 1)])
def test_bombs_are_refused(width: int, height: int) -> None:
    # An image whose header claims more than it holds.
    small = saved(Image.new("RGB", (1, 1)), "BMP")
    data = small[:18] + width.to_bytes(4, "little") + height.to_bytes(4, "little") + small[26:]
    with pytest.raises(BadImageError, match=r"more than the limit|exceeds limit"):
        open_rgb(data)


def test_damage_of_any_kind_is_a_bad_image_or_a_picture() -> None:
    forms = [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
    ]
    noise = Image.fromarray(RNG.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    refused = 0
    for form, options in forms:
        whole = saved(noise, form, **options)
        for _ in range(150):
            data = bytearray(whole[: RNG.integers(1, len(whole) + 1)] if RNG.random() < 0.3 else whole)
            for position in RNG.integers(0, min(len(data), 400), 4):
                data[position] = RNG.integers(0, 256)
            try:
                assert open_rgb(bytes(data)).mode == "RGB"
            except BadImageError:
                refused += 1
    assert 200 < refused < 900


# Encoding


def test_a_png_is_exact_and_a_jpeg_is_close() -> None:
    assert np.array_equal(read_rgb(encode(PIXELS, ".png", quality=1)), PIXELS)
    assert distance(read_rgb(encode(PIXELS, ".jpg", quality=95)), PIXELS) < 6


def test_quality_is_that_of_the_jpeg_and_its_colour_is_halved() -> None:
    sizes = [len(encode(PIXELS, ".jpg", quality=quality)) for quality in (10, 50, 95)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    with Image.open(io.BytesIO(encode(PIXELS, ".jpg", quality=75))) as image:
        assert image.format == "JPEG"
        assert [layer[1:3] for layer in image.layer] == [(2, 2), (1, 1), (1, 1)]


def test_equal_pixels_are_equal_bytes() -> None:
    turned = np.ascontiguousarray(PIXELS[::-1])[::-1]
    for suffix in (".jpg", ".png"):
        assert encode(PIXELS, suffix, quality=75) == encode(turned, suffix, quality=75)


def test_a_jpeg_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(BadImageError, match="1x65501 pixels, but a JPEG's sides are at most 65,500"):
        encode(np.zeros((65_501, 1, 3), np.uint8), ".jpg", quality=75)
    assert read_rgb(encode(np.zeros((65_500, 1, 3), np.uint8), ".jpg", quality=75)).shape == (65_500, 1, 3)
    assert read_rgb(encode(np.zeros((65_501, 1, 3), np.uint8), ".png", quality=75)).shape == (65_501, 1, 3)


def test_small_copies_keep_the_shape_and_are_never_enlarged() -> None:
    wide = saved(Image.fromarray(PIXELS).resize((160, 120)), "PNG")
    small = small_jpeg(wide, 40)
    assert small.startswith(b"\xff\xd8")
    assert distance(read_rgb(small), np.asarray(Image.fromarray(PIXELS).resize((40, 30)))) < 6
    assert read_rgb(small_jpeg(wide, 500)).shape == (120, 160, 3)
    assert small_jpeg(read_rgb(wide), 40) == small
    with pytest.raises(BadImageError, match="my image: not an image"):
        small_jpeg(b"no image", 40, label="my image")


def test_a_size_is_told_without_decoding(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(np.zeros((30, 40, 3), np.uint8), ".jpg", quality=90)[:-20])
    assert picture_size(path) == (40, 30)
    path.write_bytes(b"no image")
    assert picture_size(path) is None
    assert picture_size(tmp_path / "none.jpg") is None
