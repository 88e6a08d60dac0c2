"""Hits of each query, and intervals of recalls and of their differences between models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.results.predictions import PREDICTIONS, read_predictions

_RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A mean over seeds and queries, in per cent or points, and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """The mean, and the interval in brackets."""
        return f"{self.mean:.1f} ({self.low:.1f} to {self.high:.1f})"


def hits_of(result: Path, images: ImageSet, at: int) -> np.ndarray:
    """Whether each test query has a correct match among its first `at`: (queries,), in dataset order."""
    right = {
        found.query for found in read_predictions(result / PREDICTIONS) if found.correct and found.rank <= at
    }
    return np.array([row.name in right for row in images.where("test", "queries")])


def standpoints(images: ImageSet) -> np.ndarray:
    """The number of each test query's viewpoint, (queries,); its views are resampled together."""
    places = [(row.east, row.north) for row in images.where("test", "queries")]
    numbers = {place: number for number, place in enumerate(sorted(set(places)))}
    return np.array([numbers[place] for place in places])


class Bootstrap:
    """Intervals over viewpoints and seeds, resampled together for all models, so differences are paired."""

    def __init__(self, points: np.ndarray, seeds: int) -> None:
        rng = np.random.default_rng(0)
        count = int(points.max()) + 1
        self._views = np.bincount(points)
        self._points = points
        self._weights = rng.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES)
        self._seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=_RESAMPLES) / seeds

    def recall(self, hits: Sequence[np.ndarray]) -> Interval:
        """The mean recall of one model's `hits`, (queries,) for each seed, in per cent."""
        return self._interval(self._mean(hits), self._drawn(hits))

    def gain(self, hits: Sequence[np.ndarray], over: Sequence[np.ndarray]) -> Interval:
        """The difference of the recalls of two models, in points."""
        return self._interval(self._mean(hits) - self._mean(over), self._drawn(hits) - self._drawn(over))

    def way(self, arms: Mapping[str, Sequence[np.ndarray]], low: str, arm: str, high: str) -> Interval:
        """The gain of `arm` over `low` as a share of the gain of `high` over `low`, in per cent."""
        mean = {name: self._mean(arms[name]) for name in (low, arm, high)}
        drawn = {name: self._drawn(arms[name]) for name in (low, arm, high)}
        # Not defined if `high` is not better than `low`.
        with np.errstate(divide="ignore", invalid="ignore"):
            way, drawn_way = (100 * np.divide(of[arm] - of[low], of[high] - of[low]) for of in (mean, drawn))
        return self._interval(float(way), drawn_way)

    @staticmethod
    def _mean(hits: Sequence[np.ndarray]) -> float:
        return float(100 * np.mean(hits))

    def _drawn(self, hits: Sequence[np.ndarray]) -> np.ndarray:
        found = np.stack([np.bincount(self._points, weights=seed) for seed in hits], axis=1)
        of_seeds = (self._weights @ found) / (self._weights @ self._views)[:, None]
        drawn: np.ndarray = 100 * (of_seeds * self._seeds).sum(axis=1)
        return drawn

    @staticmethod
    def _interval(mean: float, drawn: np.ndarray) -> Interval:
        low, high = np.percentile(drawn, [2.5, 97.5])
        return Interval(mean, float(low), float(high))
