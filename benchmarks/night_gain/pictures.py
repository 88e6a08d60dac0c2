"""Compare nights of test streets with the ground truth: whole images, and positions of lights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.comparison.image_metrics import lights_in_place, lit, psnr, ssim, visible_edges

Translate = Callable[[np.ndarray], np.ndarray]
# Every fifth view of the test database is used.
EVERY = 5


@dataclass(frozen=True)
class Likeness:
    """Means over images: PSNR in dB; SSIM; lit pixels and visible day edges in per cent; lights, 0..1.

    f1: the harmonic mean of the precision and recall of the lit pixels of all images.
    """

    psnr: float
    ssim: float
    lit: float
    edges: float
    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def likeness(days: ImageSet, true: ImageSet, to_night: Translate | None) -> Likeness:
    """Compare nights by `to_night` of some test days, or the ground truth itself, with the ground truth."""
    values = []
    for row in days.where("test", "database")[::EVERY]:
        day, truth = _pixels(days, row.name), _pixels(true, night_name(row.name))
        night = truth if to_night is None else to_night(day)
        values.append(
            (
                psnr(night, truth),
                ssim(night, truth),
                100 * lit(night).mean(),
                100 * visible_edges(day, night),
                *lights_in_place(night, truth),
            )
        )
    return Likeness(*(float(value) for value in np.mean(values, axis=0)))


def _pixels(images: ImageSet, name: str) -> np.ndarray:
    return read_rgb((images.root / name).read_bytes(), label=name)
