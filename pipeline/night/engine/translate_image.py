"""One attempt at one image, in a worker: read, decode, translate, encode. It writes no file."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from pipeline.core.files import NOT_PLAIN, digest_bytes
from pipeline.core.image_io import encode, read_rgb
from pipeline.night.records.translator import OutputFormat, Translator
from pipeline.runtime.errors import BadImageError, DusklineError

# No image within the pixel limit is this large.
_LARGEST_FILE = 1 << 30

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Task:
    """An image to translate: its file, and the SHA-256 of its bytes.

    offset, size: the bytes of the file that are the image; size None means up to the end.
    """

    path: str
    digest: str
    offset: int = 0
    size: int | None = None

    def __str__(self) -> str:
        return self.path


@dataclass(frozen=True, slots=True)
class Translated:
    """A night: the bytes of its file, and its pixels across and down."""

    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Written:
    """A night in a hidden file at `path`, beside its place in the store, for `NightStore.put`.

    size: bytes. digest: SHA-256 of them. width, height: pixels.
    """

    path: str
    size: int
    digest: str
    width: int
    height: int


Night = Translated | Written


@dataclass(frozen=True, slots=True)
class Failed:
    """No night, and why.

    cause: "image" if the cause is its bytes, so that it is not tried again; "reading" if the file could not
    be read or memory was too small this time; "fault" if the image was not the cause.
    """

    reason: str
    cause: Literal["image", "reading", "fault"]


def attempt(
    task: Task, translator: Translator, output: OutputFormat, room: int | None = None
) -> Translated | Failed:
    """Make the night of one image, or say why there is none; never raises an error.

    room: bytes of memory that it may need, by the translator's estimate; None for no limit.
    """
    data = read(task)
    if isinstance(data, Failed):
        return data
    pixels = outcome(lambda: read_rgb(data))
    if isinstance(pixels, Failed):
        return pixels
    needed = translator.memory(pixels.shape[1], pixels.shape[0])
    if room is not None and needed > room:
        # Without the available memory: a dataset's records must not depend on the time of the run.
        return Failed(f"needs about {needed / 1e9:.1f} GB of memory, more than is available", "reading")
    return outcome(lambda: made(translator(pixels), output))


def read(task: Task) -> bytes | Failed:
    """Read the image of a task, or say why that cannot be done."""
    try:
        path = Path(task.path)
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            # Reading a pipe would wait forever.
            return Failed(NOT_PLAIN, "reading")
        size = found.st_size if task.size is None else task.size
        if size > _LARGEST_FILE:
            return Failed(f"a file of {size:,} bytes, more than the limit of {_LARGEST_FILE:,}", "image")
        with path.open("rb") as stream:
            stream.seek(task.offset)
            data = stream.read(-1 if task.size is None else task.size)
    except OSError as error:
        return Failed(f"cannot be read ({error.strerror or error})", "reading")
    if digest_bytes(data) != task.digest:
        return Failed("its content changed after its digest was computed", "fault")
    return data


def outcome(work: Callable[[], Result]) -> Result | Failed:
    """Do `work` on an image, or say why it could not be done; never raises."""
    try:
        return work()
    except BadImageError as error:
        # Two files may have these bytes, so the reason names neither.
        return Failed(error.message.removeprefix("image: "), "image")
    except Exception as error:  # a translator may fail in any way, and the other images are still needed
        return Failed(f"{type(error).__name__}: {error}", "fault")


def made(night: np.ndarray, output: OutputFormat) -> Translated:
    """Encode a night; `DusklineError` if it is not an image."""
    night = _checked(night)
    return Translated(encode(night, output.suffix, quality=output.quality), night.shape[1], night.shape[0])


def _checked(night: np.ndarray) -> np.ndarray:
    fits = isinstance(night, np.ndarray) and night.ndim == 3 and night.shape[2] == 3 and night.size > 0
    if not fits or night.dtype != np.uint8:
        found = f"{night.dtype} {night.shape}" if isinstance(night, np.ndarray) else type(night).__name__
        raise DusklineError(f"the translator returned {found}, expected (height, width, 3) uint8")
    return night
