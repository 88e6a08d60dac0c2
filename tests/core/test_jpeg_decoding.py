from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.jpeg_decoding import decode_jpeg

RNG = np.random.default_rng(11)


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    """Neither flat nor pure noise, so that each block has some of all frequencies."""
    small = RNG.integers(0, 256, (max(1, height // 3), max(1, width // 3), channels), dtype=np.uint8)
    return Image.fromarray(small, "CMYK" if channels == 4 else None).resize((width, height))


def coded(image: Image.Image, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def by_pillow(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def require_equal(data: bytes) -> None:
    expected = by_pillow(data)
    found = decode_jpeg(data, expected.mode)
    assert (found.mode, found.size) == (expected.mode, expected.size)
    assert np.array_equal(np.asarray(found), np.asarray(expected))


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    options=st.fixed_dictionaries(
        {
            "quality": st.integers(20, 100),
            "progressive": st.booleans(),
            "subsampling": st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "4:1:1"]),
            "restart_marker_blocks": st.sampled_from([0, 1, 3]),
        }
    ),
)
def test_whole_ones_have_the_pixels_that_pillow_gives(
    size: tuple[int, int], mode: str, options: dict[str, Any]
) -> None:
    image = noise(*size, 4) if mode == "CMYK" else noise(*size).convert(mode)
    if mode != "RGB":
        options.pop("subsampling")
    require_equal(coded(image, **options))


def test_halved_upright_colours_and_uncoded_rgb_and_two_ways_of_ink() -> None:
    pixels = np.asarray(noise(53, 37))
    how = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440]
    require_equal(cv2.imencode(".jpg", pixels, how)[1].tobytes())
    require_equal(coded(noise(53, 37), keep_rgb=True))
    inks = bytearray(coded(noise(53, 37, 4)))
    require_equal(bytes(inks))
    inks[inks.index(b"Adobe") + 11] = 2  # luma, chroma and black
    require_equal(bytes(inks))


def test_the_first_of_several_is_decoded() -> None:
    stream = io.BytesIO()
    noise(40, 30).save(stream, "MPO", save_all=True, append_images=[noise(20, 10)])
    require_equal(stream.getvalue())


WHOLE = coded(noise(160, 120), quality=80)
PROGRESSIVE = coded(noise(160, 120), quality=80, progressive=True)
MIDDLE = len(WHOLE) // 2
DAMAGED = {
    "cut and closed": WHOLE[:MIDDLE] + b"\xff\xd9",
    "second half zero": WHOLE[:MIDDLE] + bytes(len(WHOLE) - MIDDLE - 2) + b"\xff\xd9",
    "a hole of zeros": WHOLE[:MIDDLE] + bytes(900) + WHOLE[MIDDLE + 900 :],
    "bytes lost": WHOLE[:MIDDLE] + WHOLE[MIDDLE + 700 :],
    "cut": WHOLE[:MIDDLE],
    "no end": WHOLE[:-2],
    "another marker within": WHOLE[:MIDDLE] + b"\xff\xdb\x00\x08" + WHOLE[MIDDLE + 4 :],
    "another image's bytes": WHOLE[:MIDDLE] + WHOLE[MIDDLE - 3000 : MIDDLE - 2000] + WHOLE[MIDDLE + 2000 :],
}


DAMAGED["progressive, cut and closed"] = PROGRESSIVE[: len(PROGRESSIVE) // 2] + b"\xff\xd9"


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_warning_of_the_decoder_is_an_error(kind: str) -> None:
    with pytest.raises(ValueError, match=r"Premature end of JPEG|Corrupt JPEG data|marker"):
        decode_jpeg(DAMAGED[kind], "RGB")


def test_a_fine_picture_that_ends_in_zeros_early_is_damaged_and_one_that_is_only_filled_is_whole() -> None:
    # So fine that zeros take less room than pixels: the image is full before they end.
    fine = coded(Image.fromarray(RNG.integers(0, 256, (96, 128, 3), dtype=np.uint8)), quality=98)
    half = len(fine) // 2
    zeroed = fine[:half] + bytes(len(fine) - half - 2) + b"\xff\xd9"
    with pytest.raises(ValueError, match="extraneous bytes before marker 0xd9"):
        decode_jpeg(zeroed, "RGB")
    for filling in (bytes(300), b"\x20" * 40, b"\0"):
        filled = fine[:-2] + filling + b"\xff\xd9"
        assert np.array_equal(decode_jpeg(filled, "RGB"), by_pillow(fine))
    with pytest.raises(ValueError, match="extraneous bytes before marker 0xd9"):
        decode_jpeg(fine[:-2] + bytes(range(1, 200)) + b"\xff\xd9", "RGB")


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 99),
    st.sampled_from([None, 0, 0x20, 0xAA]),
    st.sampled_from([1, 7, 8, 40, 300]),
)
def test_filling_may_equal_the_last_byte_of_the_pixels(
    seed: int, quality: int, value: int | None, count: int
) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    fine = coded(Image.fromarray(pixels), quality=quality)
    filling = (fine[-3:-2] if value is None else bytes([value])) * count
    filled = fine[:-2] + filling + b"\xff\xd9"
    assert np.array_equal(decode_jpeg(filled, "RGB"), by_pillow(fine))


@pytest.mark.parametrize("damaged", [False, True])
def test_a_baseline_scan_that_says_it_is_another_costs_nothing(damaged: bool) -> None:
    """As panoramas of a common phone do."""
    data = bytearray(DAMAGED["cut and closed"] if damaged else WHOLE)
    scan = data.index(b"\xff\xda")
    end = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    data[end - 3 : end] = bytes(3)
    if damaged:
        with pytest.raises(ValueError, match="premature end of data segment"):
            decode_jpeg(bytes(data), "RGB")
    else:
        assert np.array_equal(decode_jpeg(bytes(data), "RGB"), by_pillow(WHOLE))
