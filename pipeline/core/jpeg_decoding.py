"""Decode JPEGs and refuse damaged ones: a decoder's warning about coded pixels counts as an error."""

from __future__ import annotations

import re

import simplejpeg
from PIL import Image

from pipeline.core.jpeg_scans import BASELINE_FRAMES, START_OF_SCAN, require_all_scans, segments

_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}

_END = b"\xff\xd9"
_BEFORE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
# The decoder reads up to this many bytes beyond the last pixel without counting them.
_READ_AHEAD = 16

_BASELINE_SCAN = bytes([0, 63, 0])


def decode_jpeg(data: bytes, mode: str) -> Image.Image:
    """Decode the first image of a JPEG file; `mode` is its colour mode in Pillow: L, RGB or CMYK.

    Raises `ValueError`, mostly with the decoder's message, if the image is truncated, damaged or invalid
    anywhere, or lacks scans. Two faults of cameras that affect no pixel are allowed: filling bytes between
    the pixels and the end, and a baseline scan with the parameters of another kind of scan.
    """
    try:
        pixels = simplejpeg.decode_jpeg(data, _COLOURS[mode])
    except ValueError as error:
        # The decoder gives only its first warning, so the fixed file is decoded again, just as strictly.
        mended = _mended(data, str(error))
        if mended is None:
            raise
        pixels = simplejpeg.decode_jpeg(mended, _COLOURS[mode])
    require_all_scans(data)
    if mode == "L":
        return Image.fromarray(pixels[..., 0])
    # As Adobe writes them, CMYK JPEGs store "no ink" as 255.
    return Image.fromarray(255 - pixels, "CMYK") if mode == "CMYK" else Image.fromarray(pixels)


def _mended(data: bytes, warning: str) -> bytes | None:
    """The file without the fault in the warning; None if pixels may be lost."""
    if warning == "Invalid SOS parameters for sequential JPEG":
        return _with_baseline_scan(data)
    told = _BEFORE_END.search(warning)
    return _without_filling(data, int(told[1])) if told else None


def _without_filling(data: bytes, count: int) -> bytes | None:
    """The file without `count` equal bytes before its end.

    A longer run was partly decoded as pixels: the end of such a file was lost and filled with zeros.
    """
    end = data.rfind(_END)
    pixels = data[:end].rstrip(data[end - 1 : end])
    return pixels + data[end:] if count <= end - len(pixels) <= count + _READ_AHEAD else None


def _with_baseline_scan(data: bytes) -> bytes | None:
    """The file with the parameters that its only scan must have; None if it is not baseline."""
    baseline = False
    for marker, _, end in segments(data):
        baseline = baseline or marker in BASELINE_FRAMES
        if marker == START_OF_SCAN:
            return data[: end - 3] + _BASELINE_SCAN + data[end:] if baseline else None
    return None
