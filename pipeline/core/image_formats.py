"""Which image formats are read, and by which decoder; the content decides the format, never the name."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PIL import Image, UnidentifiedImageError, features

from pipeline.core.files import why_no_file
from pipeline.runtime.errors import BadImageError, NoReaderError

# Suffixes of images, in any case.
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"),
    *(".heic", ".heif", ".hif", ".avif"),
)

# The formats that are opened, whatever the name says. Pillow's other formats are left out: no camera writes
# them, and some of their readers start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# How a file of ISO boxes (HEIC, AVIF, videos) names its format in its first box.
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_LONGEST_FIRST_BOX = 256

# What readers raise on damaged files: seen in a run over many thousand damaged files, or possible in such
# code.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@contextmanager
def opened(source: Path | bytes, label: str = "") -> Iterator[Image.Image]:
    """Open an image without decoding it; errors here and in the block become `BadImageError` with its name.

    label: its name in errors (default: its path, if `source` is one). The message depends only on the bytes
    and the label. `NoReaderError` for a format whose reader is not installed.
    """
    where = label or (str(source) if isinstance(source, Path) else "image")
    try:
        if isinstance(source, Path) and (reason := why_no_file(source)):
            raise BadImageError(reason)
        with warnings.catch_warnings():
            # Our own limit of pixels is stricter than Pillow's warning, and damaged EXIF is common.
            warnings.simplefilter("ignore")
            with _open(source) as image:
                yield image
    except BadImageError as error:
        raise type(error)(f"{where}: {error.message}") from error
    except UnidentifiedImageError as error:
        # Pillow's own message names the stream by its address in memory.
        found = "not an image that can be read" if _head(source) else "empty"
        raise BadImageError(f"{where}: {found}") from error
    except DAMAGE as error:
        raise BadImageError(f"{where}: cannot be decoded ({' '.join(str(error).split())})") from error


def is_jpeg_or_png(data: bytes) -> bool:
    """Whether a file has a format that datasets may have, whatever its name says."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def picture_size(path: Path) -> tuple[int, int] | None:
    """Return width and height from the file's header, before any rotation by EXIF; None if unreadable."""
    try:
        with opened(path) as image:
            return image.size
    except BadImageError:
        return None


def decoders() -> str:
    """The decoders here with their versions: another version may read what this one cannot."""
    found = []
    for package in ("pillow", "simplejpeg", "pillow-heif"):
        try:
            found.append(f"{package}-{version(package)}")
        except PackageNotFoundError:
            continue
    return "_".join(found)


def _open(source: Path | bytes) -> Image.Image:
    try:
        return Image.open(_stream(source), formats=_FORMATS)
    except UnidentifiedImageError:
        brands = _brands(_head(source))
        # AVIF first: it may also use the name of the HEIF family.
        if brands & _AVIF_BRANDS:
            _require_avif()
            return _open_as("AVIF", source, "AVIF")
        if brands & _HEIF_BRANDS:
            _require_heif()
            return _open_as("HEIF", source, "HEIC")
        raise


def _open_as(form: str, source: Path | bytes, called: str) -> Image.Image:
    try:
        return Image.open(_stream(source), formats=(form,))
    except UnidentifiedImageError as error:
        raise BadImageError(f"{called} that cannot be decoded: truncated or damaged") from error


def _require_avif() -> None:
    if not features.check("avif"):
        raise NoReaderError(
            "AVIF, which this build of Pillow cannot read; convert it to JPEG, or install Pillow from PyPI"
        )


def _require_heif() -> None:
    try:
        # Imported only for such an image: most users have none.
        import pillow_heif
    except ImportError as error:
        raise NoReaderError(
            "HEIC, which needs pillow-heif: pip install 'duskline[heic]', or convert it to JPEG"
        ) from error
    if "HEIF" not in Image.OPEN:
        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _brands(head: bytes) -> set[bytes]:
    """The formats that a first ISO box names; empty for other files."""
    if head[4:8] != b"ftyp":
        return set()
    box = head[: int.from_bytes(head[:4], "big")]
    return {box[start : start + 4] for start in (8, *range(16, len(box), 4))}


def _head(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[:_LONGEST_FIRST_BOX]
    with source.open("rb") as stream:
        return stream.read(_LONGEST_FIRST_BOX)


def _stream(source: Path | bytes) -> Path | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source
