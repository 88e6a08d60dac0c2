"""What a training run learns from: the pictures of a set's train split, and how its examples are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.examples import ExampleReader, Nights
from pipeline.vpr.gallery import Gallery, gallery
from pipeline.vpr.mining import Miner, NightShare
from pipeline.vpr.positives import Places, Times, together
from pipeline.vpr.train_settings import TrainSettings
from pipeline.vpr.twins import TwinDraws, night_twins


@dataclass(frozen=True)
class Material:
    """The pictures among which examples are found, their places, who finds them and who reads them."""

    database: Gallery
    queries: Gallery
    places: Places
    miner: Miner
    reader: ExampleReader
    soft_positives: float

    def near(self, pairs: np.ndarray) -> np.ndarray:
        """Whether each two pictures of `pairs`, rows (n, 2), show one place: (2 * n, 2 * n), row by row."""
        queries = self.queries.positions[self.places.kept[pairs[:, 0]]]
        positions = np.stack([queries, self.database.positions[pairs[:, 1]]], axis=1)
        return together(positions.reshape(-1, 2), self.soft_positives)


def material(settings: TrainSettings, images: ImageSet, workers: int) -> Material:
    """What `settings` take of the train split; `SetError` where the set has not what they want."""
    database, queries = (
        gallery(images, "train", role, settings.height, settings.width) for role in ("database", "queries")
    )
    nights = None
    if settings.database == "day" or settings.twins:
        database = database.without_nights()
    if settings.twins:
        queries = queries.without_nights()
        draws = TwinDraws(settings.twins, settings.seed)
        nights = Nights(night_twins(queries), night_twins(database), draws, settings.night_augmentation)
    places = Places(
        database.positions,
        queries.positions,
        settings.hard_positives,
        settings.soft_positives,
        Times(queries.nights, database.nights, settings.positives),
    )
    fraction = settings.night_fraction
    miner = Miner(
        places,
        settings.mining,
        settings.negatives or 0,
        settings.negative_samples or 0,
        None if fraction is None else NightShare(fraction, queries.nights[places.kept]),
    )
    reader = ExampleReader(
        queries, places.kept, database, workers, settings.seed, settings.augmentation, nights
    )
    return Material(database, queries, places, miner, reader, settings.soft_positives)
