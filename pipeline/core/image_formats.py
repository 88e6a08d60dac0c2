"""Which forms of image are read, by what; a file's content decides its form, never its name."""

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

# Names under which images are looked for, in any case.
PICTURE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"),
    *(".heic", ".heif", ".hif", ".avif"),
)

# What a file may really be, whatever its name says. Pillow's other forms are left out: no camera writes them,
# and some of its readers start other programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# What a file of ISO boxes (HEIC, AVIF, films) says that it is, in its first box.
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
_LONGEST_FIRST_BOX = 256

# What readers raise on damaged files, as a run over many thousand damaged ones showed, and what code like
# theirs might raise.
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
    """Open an image, undecoded; what fails here or in the block is a `BadImageError` that names the image.

    label: its name in errors (its path is used when `source` is one). The message depends on nothing but the
    bytes and the label. `NoReaderError` for a form whose reader is not installed.
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
    """Whether a file is of a form that sets have, whatever its name says."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"))


def picture_size(path: Path) -> tuple[int, int] | None:
    """Return width and height as the file tells them, undecoded and unturned; None when it does not."""
    try:
        with opened(path) as image:
            return image.size
    except BadImageError:
        return None


def decoders() -> str:
    """Name what decodes images here, with versions: another one may read what this one cannot."""
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
        # AVIF first: it may call itself by the family's name too.
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
        # Only when such an image is met: most machines have none, and no need of it.
        import pillow_heif
    except ImportError as error:
        raise NoReaderError(
            "HEIC, which needs pillow-heif: pip install 'duskline[heic]', or convert it to JPEG"
        ) from error
    if "HEIF" not in Image.OPEN:
        pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def _brands(head: bytes) -> set[bytes]:
    """The kinds of file that a first box of ISO names; none for other files."""
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
