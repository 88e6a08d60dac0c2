"""Decode JPEGs and refuse damaged ones: a decoder's warning about coded pixels counts as an error."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import simplejpeg
from PIL import Image

from pipeline.core.jpeg_scans import BASELINE_FRAMES, START_OF_SCAN, require_all_scans, segments

_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}

_END = b"\xff\xd9"
_BEFORE_END = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
# The decoder reads up to this many bytes beyond the last pixel without counting them.
_READ_AHEAD = 16
# Bytes at the end of the pixels that may be equal to the filling; more are not equal by chance.
_OF_PIXELS = 2

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
        pixels = _decode_repaired(data, mode, error)
    require_all_scans(data)
    if mode == "L":
        return Image.fromarray(pixels[..., 0])
    # As Adobe writes them, CMYK JPEGs store "no ink" as 255.
    return Image.fromarray(255 - pixels, "CMYK") if mode == "CMYK" else Image.fromarray(pixels)


def _decode_repaired(data: bytes, mode: str, error: ValueError) -> np.ndarray:
    """The pixels without the fault that `error` is about; raises the last error if there is another one."""
    for repaired in _repaired(data, str(error)):
        # The decoder gives only its first warning, so the repaired file is decoded just as strictly.
        try:
            pixels: np.ndarray = simplejpeg.decode_jpeg(repaired, _COLOURS[mode])
        except ValueError as another:
            error = another
        else:
            return pixels
    raise error


def _repaired(data: bytes, warning: str) -> Iterator[bytes]:
    """The file without the fault in the warning, in all possible ways; none if pixels may be lost."""
    if warning == "Invalid SOS parameters for sequential JPEG":
        yield from _with_baseline_scan(data)
    elif told := _BEFORE_END.search(warning):
        yield from _without_filling(data, int(told[1]))


def _without_filling(data: bytes, count: int) -> Iterator[bytes]:
    """The file without `count` equal bytes before its end, of which the last pixels may have some.

    A longer run was partly decoded as pixels: the end of such a file was lost and filled with zeros.
    """
    end = data.rfind(_END)
    pixels = data[:end].rstrip(data[end - 1 : end])
    run = end - len(pixels)
    if count <= run <= count + _READ_AHEAD:
        yield from (data[: end - run + own] + data[end:] for own in range(min(run, _OF_PIXELS) + 1))


def _with_baseline_scan(data: bytes) -> Iterator[bytes]:
    """The file with the parameters that its only scan must have, if it is baseline."""
    baseline = False
    for marker, _, end in segments(data):
        baseline = baseline or marker in BASELINE_FRAMES
        if marker == START_OF_SCAN:
            if baseline:
                yield data[: end - 3] + _BASELINE_SCAN + data[end:]
            return
