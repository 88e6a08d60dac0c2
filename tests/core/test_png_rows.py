from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.core.image_io import open_rgb
from pipeline.core.png_rows import may_lack_rows, require_all_rows
from pipeline.runtime.errors import BadImageError

SAID = r"a\.png: cannot be decoded \(its pixels end before its last row\)"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
KINDS = [
    *((0, depth) for depth in (1, 2, 4, 8, 16)),
    *((3, depth) for depth in (1, 2, 4, 8)),
    *((colour, depth) for colour in (2, 4, 6) for depth in (8, 16)),
]
# Which pass the pixels of each 8 x 8 block belong to, as the standard draws it.
ADAM7 = """
1 6 4 6 2 6 4 6
7 7 7 7 7 7 7 7
5 6 5 6 5 6 5 6
7 7 7 7 7 7 7 7
3 6 4 6 3 6 4 6
7 7 7 7 7 7 7 7
5 6 5 6 5 6 5 6
7 7 7 7 7 7 7 7
"""
PASS = np.array(ADAM7.split(), int).reshape(8, 8)


def rows_of(width: int, height: int, bits: int, interlaced: bool) -> list[int]:
    """Bytes of each coded row, in their order."""
    if not interlaced:
        return [1 + (width * bits + 7) // 8] * height
    of_pixel = np.tile(PASS, (height // 8 + 1, width // 8 + 1))[:height, :width]
    counts = [(of_pixel == number).sum(axis=1) for number in range(1, 8)]
    return [1 + (int(count) * bits + 7) // 8 for rows in counts for count in rows if count]


def png(
    size: tuple[int, int], kind: tuple[int, int], interlaced: bool, lost: int = 0, value: int = 0
) -> bytes:
    """A PNG of bytes `value`, its coded pixels properly ended `lost` rows early."""
    (width, height), (colour, depth) = size, kind
    rows = rows_of(width, height, depth * CHANNELS[colour], interlaced)
    coded = b"".join(b"\0" + bytes([value]) * (row - 1) for row in rows[: len(rows) - lost])
    packed = zlib.compress(coded)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))]
    chunks += [(b"PLTE", bytes(3 << depth))] if colour == 3 else []
    chunks += [(b"IDAT", packed[:5]), (b"IDAT", packed[5:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


@settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    kind=st.sampled_from(KINDS),
    interlaced=st.booleans(),
    value=st.sampled_from([0, 1, 255]),
)
def test_one_row_less_than_the_header_says_is_refused_and_all_rows_are_not(
    size: tuple[int, int], kind: tuple[int, int], interlaced: bool, value: int
) -> None:
    assert open_rgb(png(size, kind, interlaced, value=value)).size == size
    # Pillow itself says so of streams of very few bytes.
    with pytest.raises(BadImageError, match=r"a\.png: cannot be decoded \((its pixels end|.* truncated)"):
        open_rgb(png(size, kind, interlaced, lost=1, value=value), label="a.png")


def test_a_black_end_is_counted_and_any_other_needs_no_count() -> None:
    pixels = np.full((40, 30, 3), 90, np.uint8)
    pixels[-1, 7, 2] = 1
    assert not may_lack_rows(Image.fromarray(pixels))
    pixels[-1] = 0
    assert may_lack_rows(Image.fromarray(pixels))


def test_a_small_chunk_that_unfolds_to_much_is_read_to_the_last_row_alone() -> None:
    data = png((8, 8), (0, 8), False)
    start = data.index(b"IDAT")
    bomb = zlib.compress(bytes(1 << 28), 9)
    data = data[: start - 4] + struct.pack(">I", len(bomb)) + b"IDAT" + bomb + bytes(4)
    require_all_rows(data)


@pytest.mark.parametrize("left", [0, 1, 20])
def test_a_height_larger_than_the_data_is_refused(left: int) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (16, 20), "white").save(stream, "PNG")
    data = bytearray(stream.getvalue())
    data[20:24] = struct.pack(">I", 21 + left)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(BadImageError, match=SAID):
        open_rgb(bytes(data), label="a.png")
