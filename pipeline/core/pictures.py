"""Pictures in and out: decoded under a pixel limit, upright, as height x width x 3 uint8 RGB arrays."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.core.errors import BadImageError

# Larger pictures are refused before they are decoded (a small file can unfold to gigabytes): 64 million
# pixels is twice what common cameras make.
MAX_PIXELS = 64_000_000

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png")


def open_rgb(source: Path | bytes, *, label: str = "") -> Image.Image:
    """Decode a picture completely, turn it upright by its EXIF orientation, and convert it to RGB.

    `label` names the picture in errors (its path is used when `source` is one).
    Raises `BadImageError` when it is empty, truncated, not a picture, or larger than `MAX_PIXELS`.
    """
    where = label or (str(source) if isinstance(source, Path) else "picture")
    try:
        with warnings.catch_warnings():
            # Our own limit below is stricter than Pillow's warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(source if isinstance(source, Path) else io.BytesIO(source)) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise BadImageError(
                        f"{where}: {width}x{height} pixels, more than the limit of {MAX_PIXELS:,}"
                    )
                image.load()
                upright = ImageOps.exif_transpose(image)
                return _to_rgb(upright if upright is not None else image)
    except BadImageError:
        raise
    except FileNotFoundError as error:
        raise BadImageError(f"{where}: no such file") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise BadImageError(f"{where}: cannot be decoded ({error})") from error


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
    """Encode an (H, W, 3) uint8 array as `.jpg` (`quality` 1-95, 4:2:0) or `.png` (lossless)."""
    stream = io.BytesIO()
    image = Image.fromarray(pixels)
    if suffix == ".png":
        image.save(stream, "PNG")
    else:
        image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
