from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from pipeline.core.image_io import read_rgb
from pipeline.core.srgb import to_srgb
from tests.colour_profiles import DISPLAY_P3, SRGB, cmyk_profile, grey_profile, rgb_profile

PIXELS = np.random.default_rng(2).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def in_srgb(pixels: np.ndarray, primaries: tuple[tuple[float, ...], ...]) -> np.ndarray:
    """The same light in sRGB, by arithmetic: linear, through XYZ, and back; what sRGB cannot show is cut."""
    levels = pixels / 255
    light = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    light = (light @ np.array(primaries) @ np.linalg.inv(np.array(SRGB))).clip(0, 1)
    coded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * coded)


def test_wide_colours_become_what_they_are_in_srgb() -> None:
    found = np.asarray(to_srgb(Image.fromarray(PIXELS), rgb_profile(DISPLAY_P3)), int)
    assert np.abs(found - in_srgb(PIXELS, DISPLAY_P3)).max() <= 2
    assert np.abs(found - PIXELS).mean() > 5


def test_the_profile_within_the_file_counts() -> None:
    data = saved(Image.fromarray(PIXELS), icc_profile=rgb_profile(DISPLAY_P3))
    assert np.abs(read_rgb(data) - in_srgb(PIXELS, DISPLAY_P3)).max() <= 2
    jpeg = saved(
        Image.new("RGB", (16, 16), (200, 30, 60)), "JPEG", icc_profile=rgb_profile(DISPLAY_P3), quality=95
    )
    expected = in_srgb(np.array([200, 30, 60]), DISPLAY_P3)
    assert np.abs(read_rgb(jpeg)[8, 8] - expected).max() <= 3


@pytest.mark.parametrize(
    "profile", [None, b"", b"no profile", rgb_profile(SRGB), cmyk_profile(), grey_profile(1.8)]
)
def test_srgb_itself_and_profiles_that_do_not_fit_change_no_bit(profile: bytes | None) -> None:
    assert np.array_equal(to_srgb(Image.fromarray(PIXELS), profile), PIXELS)


def test_grey_stays_grey_by_its_own_curve() -> None:
    levels = np.arange(256, dtype=np.uint8)[None]
    found = np.asarray(to_srgb(Image.fromarray(levels), grey_profile(1.8)))
    light = (levels[0] / 255) ** 1.8
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.ptp(found, axis=2).max() == 0
    assert np.abs(found[0, :, 0] - expected).max() <= 2


def test_inks_are_those_of_their_press_and_without_a_profile_plain() -> None:
    inks = {(0, 0, 0, 0): (255, 255, 255), (0, 0, 0, 255): (0, 0, 0), (255, 0, 0, 0): (119, 119, 119)}
    for ink, expected in inks.items():
        data = saved(Image.new("CMYK", (16, 16), ink), "JPEG", quality=100, icc_profile=cmyk_profile())
        assert np.abs(read_rgb(data)[8, 8].astype(int) - expected).max() <= 2
    cyan = saved(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG")
    assert read_rgb(cyan)[8, 8].tolist() == [0, 255, 255]


def test_one_transform_serves_all_threads() -> None:
    pictures = [np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8) for seed in range(40)]

    def converted(picture: np.ndarray) -> np.ndarray:
        return np.asarray(to_srgb(Image.fromarray(picture), rgb_profile(DISPLAY_P3)))

    alone = list(map(converted, pictures))
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(converted, pictures))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))


# Transparency


def png(depth: int, colour: int, rows: bytes, *, transparent: bytes = b"") -> bytes:
    """A PNG of one row of two pixels, as Pillow cannot write it."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 2, 1, depth, colour, 0, 0, 0))]
    chunks += [(b"tRNS", transparent)] if transparent else []
    chunks += [(b"IDAT", zlib.compress(b"\0" + rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def of_palette() -> bytes:
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([9, 9, 9, 250, 0, 0])
    return saved(image, transparency=0)


HALF = struct.pack(">2H", 0x4000, 0x8000)
# Each a transparent pixel over what must not be seen, and an opaque one.
CLEAR = {
    "RGBA": (png(8, 6, bytes([250, 0, 0, 0, 1, 2, 3, 255])), [1, 2, 3]),
    "grey with alpha": (png(8, 4, bytes([77, 0, 5, 255])), [5, 5, 5]),
    "16-bit RGBA": (png(16, 6, struct.pack(">8H", 9, 9, 9, 0, 0x1111, 0, 0xFFFF, 0xFFFF)), [0x11, 0, 255]),
    "16-bit grey with alpha": (png(16, 4, struct.pack(">4H", 9, 0, 0x2222, 0xFFFF)), [0x22] * 3),
    "RGB with a clear colour": (
        png(8, 2, bytes([7, 8, 9, 4, 5, 6]), transparent=struct.pack(">3H", 7, 8, 9)),
        [4, 5, 6],
    ),
    "grey with a clear level": (png(8, 0, bytes([7, 8]), transparent=struct.pack(">H", 7)), [8, 8, 8]),
    "16-bit grey with a clear level": (png(16, 0, HALF, transparent=HALF[:2]), [0x8000 // 257] * 3),
    "palette": (of_palette(), [250, 0, 0]),
}


@pytest.mark.parametrize("kind", CLEAR)
def test_what_is_transparent_is_white(kind: str) -> None:
    data, opaque = CLEAR[kind]
    assert read_rgb(data).tolist() == [[[255, 255, 255], opaque]]


def test_half_transparent_is_half_white() -> None:
    image = Image.fromarray(np.full((1, 1, 4), (200, 100, 0, 51), np.uint8))
    for form in ("PNG", "WEBP"):
        options = {"lossless": True, "exact": True} if form == "WEBP" else {}
        assert read_rgb(saved(image, form, **options)).tolist() == [[[244, 224, 204]]]


def test_wide_colours_are_converted_before_they_are_laid_over_white() -> None:
    image = Image.fromarray(np.dstack([PIXELS, np.full((24, 32, 1), 255, np.uint8)]))
    laid = read_rgb(saved(image, icc_profile=rgb_profile(DISPLAY_P3)))
    assert np.array_equal(laid, to_srgb(Image.fromarray(PIXELS), rgb_profile(DISPLAY_P3)))


def test_sixteen_bit_colours_keep_their_upper_half() -> None:
    row = struct.pack(">6H", 0x1234, 0xFFFF, 0x00FF, 0x8080, 0, 0xABCD)
    assert read_rgb(png(16, 2, row)).tolist() == [[[0x12, 0xFF, 0], [0x80, 0, 0xAB]]]
