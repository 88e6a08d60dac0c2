"""Pictures in and out: decoded under a pixel limit, upright, as height x width x 3 uint8 RGB arrays."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from pipeline.runtime.errors import BadImageError

# Larger pictures are refused before they are decoded (a small file can unfold to gigabytes): 64 million
# pixels is twice what common cameras make.
MAX_PIXELS = 64_000_000

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")

# What a file may really be, whatever its name says. Pillow's other forms are left out: no camera writes them,
# and some of its readers start other programs.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# What Pillow's readers raise on damaged files, as a run over many thousand damaged ones showed, and what code
# like theirs might raise.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

# Of small copies, for people to look at.
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
    """Decode a picture completely, turn it upright by its EXIF orientation, and convert it to RGB.

    `label` names the picture in errors (its path is used when `source` is one).
    Raises `BadImageError` when it is empty, truncated, not a picture, or larger than `MAX_PIXELS`; its
    message depends on nothing but the bytes and the label. An unreadable orientation counts as upright.
    """
    where = label or (str(source) if isinstance(source, Path) else "picture")
    try:
        with warnings.catch_warnings():
            # Our own limit below is stricter than Pillow's warning, and damaged EXIF is common.
            warnings.simplefilter("ignore")
            stream = source if isinstance(source, Path) else io.BytesIO(source)
            with Image.open(stream, formats=FORMATS) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise BadImageError(
                        f"{where}: {width}x{height} pixels, more than the limit of {MAX_PIXELS:,}"
                    )
                image.load()
                return _to_rgb(_upright(image))
    except BadImageError:
        raise
    except FileNotFoundError as error:
        raise BadImageError(f"{where}: no such file") from error
    except UnidentifiedImageError as error:
        # Pillow's own message names the stream by its address in memory.
        empty = not (source if isinstance(source, bytes) else source.stat().st_size)
        found = "empty" if empty else "not a picture that can be read"
        raise BadImageError(f"{where}: {found}") from error
    except DAMAGE as error:
        raise BadImageError(f"{where}: cannot be decoded ({error})") from error


def picture_size(path: Path) -> tuple[int, int] | None:
    """Return width and height as the file tells them, undecoded and unturned; None when it does not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                return image.size
    except DAMAGE:
        return None


def _upright(image: Image.Image) -> Image.Image:
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except DAMAGE:
        return image
    return image if turn is None else image.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        # Pillow clips 16-bit grey to white when converting; scale it to 8 bits instead.
        wide = np.asarray(image, dtype=np.int64)
        return Image.fromarray((wide.clip(0, 65535) // 257).astype(np.uint8)).convert("RGB")
    return image.convert("RGB")


def read_rgb(source: Path | bytes, *, label: str = "") -> np.ndarray:
    """Decode a picture to an (H, W, 3) uint8 array; errors as `open_rgb`."""
    return np.asarray(open_rgb(source, label=label))


def encode(pixels: np.ndarray, suffix: str, *, quality: int) -> bytes:
    """Encode an (H, W, 3) uint8 array as `.jpg` (`quality` 1-95, 4:2:0) or `.png` (lossless).

    Raises `BadImageError` when a side is longer than a JPEG's may be.
    """
    height, width = pixels.shape[:2]
    if suffix != ".png" and max(height, width) > _LONGEST_JPEG:
        raise BadImageError(f"picture: {width}x{height} pixels, a JPEG's sides end at {_LONGEST_JPEG:,}")
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    if suffix == ".png":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def small_jpeg(source: Path | bytes | np.ndarray, longest: int, *, label: str = "") -> bytes:
    """Encode a JPEG of a picture for looking at, no side longer than `longest`; errors as `open_rgb`.

    source: a file, its bytes, or (H, W, 3) uint8 pixels.
    """
    image = Image.fromarray(source) if isinstance(source, np.ndarray) else open_rgb(source, label=label)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return encode(np.asarray(image), ".jpg", quality=_SMALL_QUALITY)
