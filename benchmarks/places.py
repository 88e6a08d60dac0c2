"""Measure the cost per image of a dataset of places: formatting, nights, merging, reading for training.

python -m benchmarks.places --images 50000
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.street_like import street_like
from pipeline.datasets.derived.merge import merge_sets
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.gsv_cities import GsvCitiesSettings, read_gsv_cities
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.translate_set import translate_set
from pipeline.night.photometric.photometric import PhotometricTranslator
from pipeline.night.records.translator import OutputFormat

WIDTH, HEIGHT, QUALITY = 400, 300, 85
# Images per place, positives per query, places of a step, and side of the network's input.
OF_PLACE, POSITIVES, BATCH, SIDE = 8, 3, 25, 320
DISTINCT = 16
SHARDS_ABOVE = 250_000


@dataclass(frozen=True)
class Cost:
    """Seconds, and the peak memory of the largest process in bytes."""

    seconds: float
    memory: int


@click.command()
@click.option("--images", default=50_000, show_default=True, help="Number of images, 400x300.")
@click.option("--workers", default=2, show_default=True, help="Number of workers.")
def main(images: int, workers: int) -> None:
    """Run with a tenth of the images and with all, and print the cost of each additional image."""
    few, many = (measured(count, workers) for count in (images // 10, images))
    click.echo(f"{'':<20} {'s':>8} {'MB':>6}   an image: ms  bytes")
    for step, cost in many.items():
        more = images - images // 10
        line = 1000 * (cost.seconds - few[step].seconds) / more, (cost.memory - few[step].memory) / more
        click.echo(f"{step:<20} {cost.seconds:8.1f} {cost.memory / 1e6:6.0f} {line[0]:14.2f} {line[1]:6.0f}")


def measured(images: int, workers: int) -> dict[str, Cost]:
    """The cost of each step for this many images, each in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write_raw(root / "raw", images)
        steps: dict[str, Callable[[Path, int], None]] = {
            "format": _format,
            "classical nights": _nights,
            "merge": _merge,
            "read for training": _read,
        }
        return {name: _in_process(partial(step, root, workers)) for name, step in steps.items()}


def _in_process(step: Callable[[], None]) -> Cost:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_cost, step).result()


def _cost(step: Callable[[], None]) -> Cost:
    start = time.monotonic()
    step()
    seconds = time.monotonic() - start
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return Cost(seconds, 1024 * max(resource.getrusage(one).ru_maxrss for one in who))


def _format(root: Path, workers: int) -> None:
    images = read_gsv_cities(root / "raw", GsvCitiesSettings(None, 0.0, 0), root)
    format_set(images, root / "day", workers=workers, shards_above=SHARDS_ABOVE)


def _nights(root: Path, workers: int) -> None:
    day = ImageSet.open(root / "day")
    make, output = partial(PhotometricTranslator, "classical"), OutputFormat(".jpg", 90)
    translate_set(day, root / "night", make, output, root / "work", workers, 0.0, shards_above=SHARDS_ABOVE)


def _merge(root: Path, _: int) -> None:
    merge_sets(ImageSet.open(root / "day"), ImageSet.open(root / "night"), root / "dn", 1.0, 0, SHARDS_ABOVE)


def _read(root: Path, workers: int) -> None:
    """Read the images of every place once, with its night, as in training."""
    # Imported here, so that the other steps run without torch.
    from pipeline.vpr.inputs.split_images import split_images
    from pipeline.vpr.training.examples.day_night_pairs import night_twins
    from pipeline.vpr.training.examples.positives import Places
    from pipeline.vpr.training.examples.tuple_loader import PairReader

    images = ImageSet.open(root / "dn")
    queries, database = (
        split_images(images, "train", role, SIDE, SIDE).without_nights() for role in ("queries", "database")
    )
    places = Places(database.positions, queries.positions, 25, 25)
    nights = night_twins(queries)
    assert nights is not None
    both = nights, night_twins(database) or database
    reader = PairReader(queries, places.kept, database, workers, 0, None, both, None, POSITIVES)
    drawn = (
        [place, *np.random.default_rng(place).choice(near, POSITIVES, replace=False), 0]
        for place, near in enumerate(places.hard)
    )
    rows = np.array(list(drawn))
    for pictures in reader.batches(np.array_split(rows, -(-len(rows) // BATCH)), 0, 0):
        assert len(pictures) % reader.pictures == 0


def _write_raw(raw: Path, images: int) -> None:
    """Write a zip in the published layout; all images have different bytes."""
    raw.mkdir()
    pictures = street_like(DISTINCT, WIDTH, HEIGHT, QUALITY)
    lines = ["place_id,year,month,northdeg,city_id,lat,lon,panoid"]
    with zipfile.ZipFile(raw / "gsv-cities.zip", "w") as packed:
        for number in range(images):
            place, view = divmod(number, OF_PLACE)
            latitude = f"{48.80 + place % 100 * 0.00135:.7f}"
            longitude = f"{2.20 + place // 100 * 0.0021:.7f}"
            pano_id = f"{number:022d}"
            lines.append(f"{place},{2008 + view},5,90,PRS,{latitude},{longitude},{pano_id}")
            name = f"PRS_{place:07d}_{2008 + view}_05_090_{latitude}_{longitude}_{pano_id}.jpg"
            packed.writestr(f"Images/PRS/{name}", pictures[number % DISTINCT] + number.to_bytes(4, "big"))
        packed.writestr("Dataframes/PRS.csv", "\n".join(lines))


if __name__ == "__main__":
    main()
