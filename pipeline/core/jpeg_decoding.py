"""Whole JPEGs decoded, damaged ones refused: a decoder's warning about coded pixels counts as an error."""

from __future__ import annotations

import re

import simplejpeg
from PIL import Image

from pipeline.core.jpeg_scans import BASELINE_FRAMES, START_OF_SCAN, require_all_scans, segments

_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}

_END = b"\xff\xd9"
_BEFORE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
# The decoder has read so many bytes ahead of the last pixel, and does not count them.
_READ_AHEAD = 16

_BASELINE_SCAN = bytes([0, 63, 0])


def decode_jpeg(data: bytes, mode: str) -> Image.Image:
    """Decode the first image of a JPEG file; `mode` is what Pillow calls its colours: L, RGB or CMYK.

    Raises `ValueError`, mostly in the decoder's words, when it is truncated, damaged or invalid anywhere, or
    lacks scans. Two faults that cameras make, and that cost no pixel, are none: bytes that only fill the
    space between the pixels and the end, and a baseline scan that says it was of another kind.
    """
    try:
        pixels = simplejpeg.decode_jpeg(data, _COLOURS[mode])
    except ValueError as error:
        # Only the first warning is told, so what is fixed is read once more, as strictly.
        mended = _mended(data, str(error))
        if mended is None:
            raise
        pixels = simplejpeg.decode_jpeg(mended, _COLOURS[mode])
    require_all_scans(data)
    if mode == "L":
        return Image.fromarray(pixels[..., 0])
    # JPEGs hold no ink as 255, as Adobe began it.
    return Image.fromarray(255 - pixels, "CMYK") if mode == "CMYK" else Image.fromarray(pixels)


def _mended(data: bytes, warning: str) -> bytes | None:
    """The file without the fault that the warning tells of; None when pixels may be lost."""
    if warning == "Invalid SOS parameters for sequential JPEG":
        return _with_baseline_scan(data)
    told = _BEFORE_END.search(warning)
    return _without_filling(data, int(told[1])) if told else None


def _without_filling(data: bytes, count: int) -> bytes | None:
    """The file without `count` equal bytes before its end.

    A longer run was partly taken for pixels: that is a file whose end was lost and filled with zeros.
    """
    end = data.rfind(_END)
    pixels = data[:end].rstrip(data[end - 1 : end])
    return pixels + data[end:] if count <= end - len(pixels) <= count + _READ_AHEAD else None


def _with_baseline_scan(data: bytes) -> bytes | None:
    """The file with the parameters that its one scan must have; None when it is not baseline."""
    baseline = False
    for marker, _, end in segments(data):
        baseline = baseline or marker in BASELINE_FRAMES
        if marker == START_OF_SCAN:
            return data[: end - 3] + _BASELINE_SCAN + data[end:] if baseline else None
    return None
