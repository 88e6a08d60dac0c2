"""Night twins: training on days, of which each picture is its own night with some probability."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.errors import NameFormatError, SetError, listed
from pipeline.datasets.image_set import SUFFIXES, ImageRow
from pipeline.datasets.names import night_name
from pipeline.vpr.gallery import Gallery


def night_twins(days: Gallery) -> Gallery:
    """The nights of `days` that their set holds, in the order of the days.

    `SetError`, which names some, when days have none.
    """
    known = {row.name: row for row in days.images.rows if row.time_of_day == "night"}
    found = [next((known[name] for name in _names(row) if name in known), None) for row in days.rows]
    twins = tuple(row for row in found if row is not None)
    if len(twins) < len(days):
        lacking = [row.name for row, twin in zip(days.rows, found, strict=True) if twin is None]
        raise SetError(
            f"{len(lacking)} of {len(days)} training images of {days.images.root} have no night"
            f" twin:{listed(lacking)}",
            hint="merge a set of days with one that has a night of each (max_failed: 0), or set twins: 0",
        )
    return replace(days, rows=twins)


def _names(day: ImageRow) -> list[str]:
    """What the night of `day` may be called; nothing where it has the name of a night itself."""
    try:
        return [night_name(day.name, suffix) for suffix in SUFFIXES]
    except NameFormatError:
        return []


@dataclass(frozen=True)
class TwinDraws:
    """Which pictures of a training example are replaced by their nights: each with probability `share`.

    A draw depends on nothing but the run's seed, when it is made, the example's query and the picture's place
    in the example.
    """

    share: float
    seed: int

    def nights(self, epoch: int, round_number: int, query: int, pictures: int) -> np.ndarray:
        """Whether each of the `pictures` of the example of `query` is to be a night: (pictures,), bool."""
        # One number more than the generator of a query's changes has.
        generator = np.random.default_rng([self.seed, epoch, round_number, 1 + query, 1])
        return generator.random(pictures) < self.share
