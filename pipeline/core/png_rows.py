"""Detects PNGs whose coded pixels end before the last row: Pillow fills the rest with black silently."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

_SIGNATURE = 8
# Channels by the colour type in the header.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# First column, first row, and the steps in both, of each pass of an interlaced image.
_PASSES = (
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)
_PIECE = 1 << 20


def may_lack_rows(decoded: Image.Image) -> bool:
    """Whether rows of a PNG may be missing: it is interlaced, or its last row is black."""
    width, height = decoded.size
    last = decoded.crop((0, height - 1, width, height)).tobytes()
    return "interlace" in decoded.info or not any(last)


def require_all_rows(data: bytes) -> None:
    """Raise `ValueError` if a PNG has fewer coded pixels than its header says."""
    wanted = held = 0
    inflating = zlib.decompressobj()
    for kind, content in _chunks(data):
        if kind == b"IHDR":
            wanted = _coded_size(*struct.unpack(">IIBBxxB", content[:13]))
        elif kind == b"IDAT":
            # In pieces: a small chunk can decompress to gigabytes.
            while content and not inflating.eof and held < wanted:
                held += len(inflating.decompress(content, _PIECE))
                content = inflating.unconsumed_tail
    if held < wanted:
        raise ValueError("its pixels end before its last row")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = _SIGNATURE
    while place + 8 <= len(data):
        start, length = place + 8, int.from_bytes(data[place : place + 4], "big")
        yield data[start - 4 : start], data[start : start + length]
        place = start + length + 4


def _coded_size(width: int, height: int, depth: int, colour: int, interlaced: int) -> int:
    """Bytes of all rows; each row begins with a byte for its filter."""
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes)
    bits = depth * _CHANNELS[colour]
    return sum(rows * (1 + -(-columns * bits // 8)) for columns, rows in sizes if columns > 0)
