"""Statistics of a dataset: its places, the images of each, and their brightness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.files import read_json, write_json, write_text
from pipeline.core.image_io import open_rgb
from pipeline.datasets.image_set.image_set import (
    ROLES,
    SPLITS,
    TIMES_OF_DAY,
    UNPLACED,
    ImageRow,
    ImageSet,
    counted_in,
    unit_of,
)
from pipeline.night.comparison.image_metrics import brightness
from pipeline.night.comparison.samples import spread
from pipeline.report.sets.set_figures import draw_brightness, draw_map
from pipeline.runtime.errors import DusklineError, ParameterError
from pipeline.runtime.progress import progress

STATISTICS, MAP, BRIGHTNESS = "statistics.json", "map.svg", "brightness.svg"
BINS = 32
# Pixels of the longest side that are enough to measure brightness.
_SMALL = 64
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Statistics:
    """Statistics of a dataset.

    images: count by "split/role". times: count by time of day, including "unknown". places: number of
    standpoints (to the metre). images_of_a_place: number of places by their number of images. extent: metres
    from west to east and from south to north. brightness: by time of day, the number of images whose mean
    luma is in each of `BINS` steps from 0 to 255, in a sample of `looked_at` images. positions_in: unit of
    places and
    extent: "frames", or "" for metres; if it is "unknown", there are no places and no map.
    """

    images: dict[str, int]
    times: dict[str, int]
    places: int
    images_of_a_place: dict[str, int]
    extent: tuple[float, float]
    looked_at: int
    brightness: dict[str, list[int]]
    positions_in: str = ""

    @property
    def has_places(self) -> bool:
        """Whether the positions of its images are known."""
        return self.positions_in != UNPLACED

    @property
    def unit(self) -> str:
        """The unit of the extent: m, or frames."""
        return unit_of(self.positions_in)


def write_statistics(folder: Path, images: ImageSet, pictures: int, workers: int) -> Statistics:
    """Count a dataset, measure `pictures` of its images, spread evenly; write the results to `folder`.

    `workers` threads read; their number changes no result. `ParameterError` if `pictures` is below 1.
    """
    if pictures < 1:
        raise ParameterError(f"statistics need at least one image, not {pictures}")
    sample = spread(list(images.rows), pictures)
    placed = images.positions_in != UNPLACED
    found = Statistics(
        images=images.counts(),
        times=dict(_in_order(Counter(row.time_of_day or UNKNOWN for row in images.rows))),
        places=len(set(map(_place, images.rows))) if placed else 0,
        images_of_a_place=_per_place(images) if placed else {},
        extent=_extent(images) if placed else (0.0, 0.0),
        looked_at=len(sample),
        brightness=_brightness(images, sample, workers),
        positions_in=counted_in(images.positions_in),
    )
    document = asdict(found)
    if not found.positions_in:
        del document["positions_in"]
    write_json(folder / STATISTICS, document)
    if placed:
        write_text(folder / MAP, draw_map(images.root.name, _positions(images), found.unit))
    write_text(folder / BRIGHTNESS, draw_brightness(images.root.name, found.brightness))
    return found


def read_statistics(folder: Path) -> Statistics:
    """Read the numbers in `folder`; `DusklineError` if they are missing or invalid."""
    document = read_json(folder / STATISTICS)
    try:
        return Statistics(**document | {"extent": tuple(document["extent"])})
    except (TypeError, KeyError) as error:
        raise DusklineError(
            f"{folder / STATISTICS} does not have the statistics of a dataset: {error}"
        ) from error


def _place(row: ImageRow) -> tuple[int, int]:
    return round(row.east), round(row.north)


def _per_place(images: ImageSet) -> dict[str, int]:
    of_places = Counter(Counter(map(_place, images.rows)).values())
    return {str(count): of_places[count] for count in sorted(of_places)}


def _extent(images: ImageSet) -> tuple[float, float]:
    positions = np.array([(row.east, row.north) for row in images.rows])
    east, north = positions.max(axis=0) - positions.min(axis=0)
    return round(float(east), 1), round(float(north), 1)


def _positions(images: ImageSet) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Distinct standpoints by split: of the database, and of the queries by time of day."""
    found: dict[str, dict[str, set[tuple[float, float]]]] = {}
    for row in images.rows:
        time = row.time_of_day or UNKNOWN
        name = "database" if row.role == ROLES[0] else f"queries, {time}"
        found.setdefault(row.split, {}).setdefault(name, set()).add((row.east, row.north))
    return {
        split: {name: sorted(found[split][name]) for name in sorted(found[split])}
        for split in SPLITS
        if split in found
    }


def _in_order(counts: Counter[str]) -> Iterator[tuple[str, int]]:
    return ((name, counts[name]) for name in (*TIMES_OF_DAY, UNKNOWN) if counts[name])


def _brightness(images: ImageSet, sample: list[ImageRow], workers: int) -> dict[str, list[int]]:
    counts = {
        name: [0] * BINS for name, _ in _in_order(Counter(row.time_of_day or UNKNOWN for row in sample))
    }
    with ThreadPoolExecutor(workers) as pool:
        lights = pool.map(lambda row: _light(images, row), sample)
        for row, light in zip(sample, progress(lights, total=len(sample), label="brightness"), strict=True):
            counts[row.time_of_day or UNKNOWN][min(BINS - 1, int(light * BINS / 256))] += 1
    return counts


def _light(images: ImageSet, row: ImageRow) -> float:
    picture = open_rgb(images.read(row), label=f"{images.root}/{row.name}")
    picture.thumbnail((_SMALL, _SMALL), Image.Resampling.BOX)
    return brightness(np.asarray(picture))
