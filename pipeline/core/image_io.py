"""Read and write images: complete, upright, as (H, W, 3) uint8 arrays of sRGB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.image_formats import DAMAGE, opened
from pipeline.core.jpeg_decoding import decode_jpeg
from pipeline.core.png_rows import may_lack_rows, require_all_rows
from pipeline.core.srgb import to_srgb
from pipeline.runtime.errors import BadImageError

# Increase it when files decode to other pixels than before: stored nights of the old pixels are then not
# reused.
DECODING = 2

# Larger images are refused before they are decoded (a small file can decode to gigabytes): 64 million pixels
# is twice what common cameras make.
MAX_PIXELS = 64_000_000

# Formats with several images in one file, of which the first is the photograph: the others are for depth, for
# stereo or for brighter screens.
_WITH_A_MAIN_PICTURE = ("MPO", "HEIF")

# JPEG quality of small copies, for people to look at.
_SMALL_QUALITY = 80
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The largest side that a JPEG can have.
_LONGEST_JPEG = 65_500


def open_rgb(source: Path | bytes, *, label: str = "") -> Image.Image:
    """Decode an image completely, turn it upright by its EXIF orientation, and convert it to 8-bit sRGB.

    Transparent parts become white; colours are converted by the embedded profile.
    If a camera's file has several images, it is the main one.
    Raises `BadImageError` as `opened` does, and for an image that is truncated, damaged, an animation, or
    larger than `MAX_PIXELS`. JPEG, WebP, HEIC and AVIF have no checksums, so overwritten bytes in the middle
    may go unnoticed, in a JPEG mostly if they are few. An unreadable orientation counts as upright.
    """
    with opened(source, label) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BadImageError(f"{width}x{height} pixels, more than the limit of {MAX_PIXELS:,}")
        frames = 1 if image.format in _WITH_A_MAIN_PICTURE else getattr(image, "n_frames", 1)
        if frames > 1:
            raise BadImageError(f"an animation of {frames} frames; save the frame that you need as an image")
        if image.format in ("JPEG", "MPO"):
            decoded = decode_jpeg(_bytes_of(source), image.mode)
        else:
            decoded = image.copy()
            if image.format == "PNG" and may_lack_rows(decoded):
                require_all_rows(_bytes_of(source))
        return _upright(to_srgb(decoded, image.info.get("icc_profile")), image)


def _bytes_of(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _upright(pixels: Image.Image, image: Image.Image) -> Image.Image:
    """The pixels of an image, turned as its EXIF says."""
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except DAMAGE:
        return pixels
    return pixels if turn is None else pixels.transpose(turn)


def read_rgb(source: Path | bytes, *, label: str = "") -> np.ndarray:
    """Decode an image to an (H, W, 3) uint8 array; errors as in `open_rgb`."""
    return np.asarray(open_rgb(source, label=label))


def encode(pixels: np.ndarray, suffix: str, *, quality: int, label: str = "image") -> bytes:
    """Encode an (H, W, 3) uint8 array as `.jpg` (`quality` 1-95, 4:2:0) or `.png` (lossless).

    Raises `BadImageError`, in which the image is called `label`, if a side is too long for a JPEG.
    """
    height, width = pixels.shape[:2]
    if suffix != ".png" and max(height, width) > _LONGEST_JPEG:
        raise BadImageError(
            f"{label}: {width}x{height} pixels, but a JPEG's sides are at most {_LONGEST_JPEG:,}"
        )
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    if suffix == ".png":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def small_jpeg(source: Path | bytes | np.ndarray, longest: int, *, label: str = "") -> bytes:
    """Encode a small JPEG copy of an image, no side longer than `longest`; errors as in `open_rgb`.

    source: a file, its bytes, or (H, W, 3) uint8 pixels.
    """
    image = Image.fromarray(source) if isinstance(source, np.ndarray) else open_rgb(source, label=label)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return encode(np.asarray(image), ".jpg", quality=_SMALL_QUALITY)
