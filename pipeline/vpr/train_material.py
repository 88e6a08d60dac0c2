"""What a training run learns from: the pictures of a set's train split, and how its examples are found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.examples import ExampleReader
from pipeline.vpr.gallery import Gallery, gallery
from pipeline.vpr.mining import Miner
from pipeline.vpr.night_twins import night_twins
from pipeline.vpr.positives import Places
from pipeline.vpr.train_settings import TrainSettings


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
        """Whether each pair's positive (column) lies near each one's query (row): (n, n), of pairs (n, 2)."""
        queries = self.queries.positions[self.places.kept[pairs[:, 0]]]
        offsets = queries[:, None] - self.database.positions[pairs[:, 1]][None]
        return np.asarray(np.hypot(offsets[..., 0], offsets[..., 1]) <= self.soft_positives)


def material(settings: TrainSettings, images: ImageSet, workers: int) -> Material:
    """What `settings` take of the train split; `SetError` where the set has not what they want.

    The contrastive loss learns from days, and from the nights of queries as theirs.
    """
    database, queries = (
        gallery(images, "train", role, settings.height, settings.width) for role in ("database", "queries")
    )
    nights = None
    if settings.loss == "contrastive":
        database, queries = database.without_nights(), queries.without_nights()
        nights = night_twins(queries)
    places = Places(database.positions, queries.positions, settings.hard_positives, settings.soft_positives)
    miner = Miner(places, settings.mining, settings.negatives or 0, settings.negative_samples or 0)
    reader = ExampleReader(
        queries, places.kept, database, workers, settings.seed, settings.augmentation, nights,
        settings.night_augmentation,
    )  # fmt: skip
    return Material(database, queries, places, miner, reader, settings.soft_positives)
