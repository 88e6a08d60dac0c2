"""The scans of a JPEG: where they are, and whether all that its pixels need are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Bytes after 0xff that belong to coded pixels, and markers without content, do not begin a segment.
_BEGINNING = re.compile(rb"\xff+([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
_END = 0xD9
START_OF_SCAN = 0xDA
BASELINE_FRAMES = (0xC0, 0xC1)
_PROGRESSIVE_FRAMES = (0xC2, 0xCA)
_FRAMES = (*BASELINE_FRAMES, *_PROGRESSIVE_FRAMES, 0xC9)
_COEFFICIENTS = frozenset(range(64))


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment of a file's first image; the length field is included."""
    place = 2
    while (found := _BEGINNING.search(data, place)) and found[1][0] != _END:
        start = found.end()
        place = start + int.from_bytes(data[start : start + 2], "big")
        yield found[1][0], start, place


def require_all_scans(data: bytes) -> None:
    """Raise `ValueError` if a JPEG lacks scans.

    Decoders accept such a file: the image is blurred, or without its colours. Every component needs all of
    its coefficients, in a progressive image down to the last bit.
    """
    missing: dict[int, set[int]] = {}
    progressive = False
    for marker, start, end in segments(data):
        if marker in _FRAMES:
            progressive = marker in _PROGRESSIVE_FRAMES
            missing = {component: set(_COEFFICIENTS) for component in data[start + 8 : end : 3]}
        elif marker == START_OF_SCAN:
            first, last, bits = data[end - 3 : end]
            for component in data[start + 3 : end - 3 : 2]:
                if not progressive:
                    missing[component].clear()
                elif bits & 0x0F == 0:
                    missing[component].difference_update(range(first, last + 1))
            if not any(missing.values()):
                return
    raise ValueError("some of its scans are missing")
