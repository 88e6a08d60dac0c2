"""The project in which growth is measured: tiny raw pictures, their set, its nights, and both together."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.project_copy import copy_project
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.store import open_store
from pipeline.night.engine.translate_image import Translated
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.translator import OutputFormat, Recipe

WIDTH, HEIGHT = 16, 12
STYLE = "meant"
OUTPUT = OutputFormat(".jpg", 90)
DAYS, NIGHTS, BOTH = "many", "many_night", "many_dn"
STAGES = (f"format@{DAYS}", f"photometric@{NIGHTS}", f"merge@{BOTH}")
SECTIONS: dict[str, dict[str, object]] = {
    "photometric": {"day": DAYS, "style": STYLE, "format": "jpg", "quality": 90, "max_failed": 0.0},
    "merge": {"day": DAYS, "night": NIGHTS, "keep_nights": 1.0, "seed": 0},
}
_PLACES = ("train/database", "train/queries", "val/database", "test/database")


@dataclass(frozen=True)
class Place:
    """The folders of one size, below `root`."""

    root: Path

    @property
    def raw(self) -> Path:
        """The pictures as a user would bring them, in the common form."""
        return self.root / "raw"

    @property
    def project(self) -> Path:
        """The project."""
        return self.root / "project"

    @property
    def clone(self) -> Path:
        """Another checkout of it, which has nothing but what git would bring."""
        return self.root / "clone"


def build(place: Place, images: int) -> None:
    """Write `images` raw pictures, and the project that asks for their set, its nights and both together."""
    _write_raw(place.raw, images)
    _copy(place, place.project)


def build_clone(place: Place) -> None:
    """Make the other checkout, with the lock file of the project."""
    _copy(place, place.clone)
    (place.clone / "dvc.lock").write_bytes((place.project / "dvc.lock").read_bytes())


def fill_store(place: Place) -> None:
    """Keep a night of every day, as if it had been made: the day's bytes and one more."""
    days = ImageSet.open(place.project / "data" / "sets" / DAYS)
    with open_store(place.project / "work" / "nights", recipe()) as store:
        for row in days.rows:
            store.put(row.digest, Translated(days.read(row) + b"n", WIDTH, HEIGHT))


def recipe() -> Recipe:
    """What the nights are made by."""
    return Recipe.of(PhotometricTranslator(STYLE), OUTPUT)


def _copy(place: Place, root: Path) -> None:
    asked = {
        "format": {DAYS: {"raw": str(place.raw), "form": "common", "flat_role": "refuse"}},
        "photometric": {NIGHTS: SECTIONS["photometric"]},
        "merge": {BOTH: SECTIONS["merge"]},
    }
    remote = f"    remote = here\n['remote \"here\"']\n    url = {place.root / 'remote'}\n"
    copy_project(root, asked, remote)


def _write_raw(raw: Path, images: int) -> None:
    """Write pictures that differ in what follows their end, which decoders do not read."""
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    for place in _PLACES:
        (raw / place).mkdir(parents=True)
    for number in range(images):
        where = f"@{585_000 + number % 10_000:010.2f}@{4_477_000 + number // 10_000:.2f}"
        name = f"{where}@17@T@40.44000@-79.99000@{number:08d}@@{number % 12 * 30}@@@@201601@@.jpg"
        data = stream.getvalue() + number.to_bytes(4, "big")
        (raw / _PLACES[number % 4] / name).write_bytes(data)
