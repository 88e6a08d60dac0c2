"""Cheap translators and small day sets. Everything here is built again in worker processes."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.files import digest_bytes, digest_document, write_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.night.engine.translate_set import translate_set
from pipeline.night.records.summary import NightSummary
from pipeline.night.records.translator import OutputFormat
from pipeline.night.upkeep.folder import translate_folder
from pipeline.runtime.errors import BadImageError, CheckpointError
from pipeline.runtime.machine import Engine

JPG = OutputFormat(".jpg", 90)
PNG = OutputFormat(".png", 90)

# Pixels that make a `Darkened` misbehave, each in its own way.
REFUSED, FAULTY, DEADLY = 250, 251, 252


@dataclass(frozen=True)
class Darkened:
    """A translator and its own factory: darkens, and writes a line into `log` for each image.

    `wait` seconds an image; `level` is its one setting.
    """

    level: int = 2
    log: Path | None = None
    wait: float = 0.0

    def __call__(self, pixels: np.ndarray | None = None) -> np.ndarray | Darkened:
        if pixels is None:
            return self
        if self.log is not None:
            with self.log.open("a") as stream:
                stream.write(f"{digest_bytes(pixels.tobytes())}\n")
        time.sleep(self.wait)
        if pixels.min() == pixels.max():
            _misbehave(int(pixels.max()))
        return np.asarray(pixels // self.level, dtype=np.uint8)

    def record(self) -> dict[str, str]:
        return {
            "translator": "darkened",
            "checkpoint_digest": digest_bytes(b"no weights"),
            "settings": json.dumps({"level": self.level}),
            "numeric_path": "cpu-uint8",
        }

    @property
    def digest(self) -> str:
        return digest_document(self.record())

    def memory(self, width: int, height: int) -> int:
        return 3 * width * height


def _misbehave(level: int) -> None:
    if level == REFUSED:
        raise BadImageError("image: too plain to be translated")
    if level == FAULTY:
        raise RuntimeError("out of order")
    if level == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class ThreadCount(Darkened):
    """Tells by the shade of its nights how many threads its libraries were told to take, 9 for no word."""

    def __call__(self, pixels: np.ndarray | None = None) -> np.ndarray | Darkened:
        if pixels is None:
            return self
        threads = int(os.environ.get("OMP_NUM_THREADS", "9")) + 10 * int(
            os.environ.get("MKL_NUM_THREADS", "9")
        )
        return np.full(pixels.shape, threads, np.uint8)


@dataclass(frozen=True)
class Shape:
    """An image that `DarkenedTogether` has prepared."""

    pixels: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        return self.pixels.shape


@dataclass(frozen=True)
class DarkenedTogether(Darkened):
    """The same in batches; writes a line into `log` for each: how many images, and of which shape."""

    batch: int = 4
    threads: int = 2

    def prepare(self, pixels: np.ndarray) -> Shape:
        if pixels.min() == pixels.max():
            _misbehave(int(pixels.max()))
        return Shape(pixels)

    def translate(self, pictures: Sequence[Shape]) -> list[np.ndarray]:
        assert len({picture.shape for picture in pictures}) == 1
        if self.log is not None:
            with self.log.open("a") as stream:
                stream.write(f"{len(pictures)} of {pictures[0].shape}\n")
        time.sleep(self.wait)
        return [np.asarray(picture.pixels // self.level, dtype=np.uint8) for picture in pictures]

    def finish(self, night: np.ndarray, picture: Shape) -> np.ndarray:
        assert night.shape == picture.shape
        return night


class Nameless(Darkened):
    """A translator that does not tell everything."""

    def record(self) -> dict[str, str]:
        return {"translator": "nameless", "settings": "{}"}


def without_checkpoint() -> Darkened:
    raise CheckpointError("no checkpoint here", hint="bring one")


def with_a_bug() -> Darkened:
    raise ZeroDivisionError("a bug in the factory")


def dying() -> Darkened:
    os.kill(os.getpid(), signal.SIGKILL)
    return Darkened()


def picture(seed: int, width: int = 16, height: int = 12, form: str = "JPEG") -> bytes:
    """An image of noise, another one for each seed."""
    pixels = np.random.default_rng([7, seed]).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return saved(Image.fromarray(pixels), form)


def plain(level: int) -> bytes:
    """An image of one grey."""
    return saved(Image.new("RGB", (8, 8), (level, level, level)), "PNG")


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def claimed(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    chunks = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def day_name(number: int, place: str = "train/database") -> str:
    return (
        f"images/{place}/@{585_000 + number:010.2f}@4477000.00@17@T@40.44000@-79.99000@{number}@@@@@@@@.jpg"
    )


def write_days(root: Path, pictures: dict[str, bytes]) -> ImageSet:
    """A set of days with these files; sizes in the manifest are not those of the images."""
    writer = SetWriter(root)
    for name, data in pictures.items():
        # A manifest has no empty files, but a file may be emptied after it was written.
        writer.add(name, data or b"-", source=f"tar/{name}", width=16, height=12, time_of_day="day")
    return writer.finish()


def days(count: int) -> dict[str, bytes]:
    """Names and bytes of `count` day images in two splits and both roles."""
    places = ("train/database", "train/queries", "test/database", "test/queries")
    return {day_name(number, places[number % 4]): picture(number) for number in range(count)}


@dataclass
class _Logged:
    """Something below `base` whose translator notes each image."""

    base: Path

    @property
    def log(self) -> Path:
        return self.base / "calls.log"

    def calls(self) -> int:
        """How many images were translated since the last time of asking."""
        count = len(self.log.read_text().splitlines()) if self.log.exists() else 0
        self.log.unlink(missing_ok=True)
        return count


@dataclass
class Nightly(_Logged):
    """Everything `translate_set` needs, with the place of a test: change what matters, call `run`."""

    level: int = 2
    wait: float = 0.0
    output: OutputFormat = JPG
    workers: int = 1
    max_failed: float = 0.0
    engine: Engine = "local"

    @property
    def out(self) -> Path:
        return self.base / "night"

    @property
    def store(self) -> Path:
        return self.base / "work" / "nights"

    def run(self, day: ImageSet, make: object = None) -> NightSummary:
        translator = Darkened(self.level, self.log, self.wait)
        return translate_set(
            day,
            self.out,
            make or translator,
            self.output,
            self.store,
            self.workers,
            self.max_failed,
            engine=self.engine,
        )


@dataclass
class Trip(_Logged):
    """A folder of holiday images, and where its nights go."""

    level: int = 2
    output: OutputFormat = JPG
    max_failed: float = 0.0

    @property
    def days(self) -> Path:
        return self.base / "trip"

    @property
    def nights(self) -> Path:
        return self.base / "trip_night"

    def take(self, name: str, data: bytes) -> None:
        write_bytes(self.days / name, data)

    def run(
        self, days: Path | None = None, nights: Path | None = None, store: Path | None = None
    ) -> NightSummary:
        return translate_folder(
            days or self.days,
            nights or self.nights,
            Darkened(self.level, self.log),
            self.output,
            store or self.base / "work" / "nights",
            2,
            self.max_failed,
        )

    def made(self) -> set[str]:
        return set(tree(self.nights)) - {"origins.csv", "recipe.json"}


def tree(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its bytes."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
