"""Training data: the images of the train split, and how examples are found and read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.datasets.image_set.image_set import ImageSet, require_positions
from pipeline.vpr.inputs.split_images import SplitImages, split_images
from pipeline.vpr.training.examples.day_night_pairs import night_twins
from pipeline.vpr.training.examples.mining import Miner
from pipeline.vpr.training.examples.positives import Places
from pipeline.vpr.training.examples.tuple_loader import ExampleReader, PairReader, TripletReader
from pipeline.vpr.training.settings import TrainSettings


@dataclass(frozen=True)
class TrainingData:
    """The images of the examples, their places, the miner that finds examples and the reader of images."""

    database: SplitImages
    queries: SplitImages
    places: Places
    miner: Miner
    reader: ExampleReader
    soft_positives: float

    def near(self, rows: np.ndarray) -> np.ndarray:
        """Whether the positives of each row (columns) are near the query of each row (rows): (n, n * m).

        rows: (n, 2 + m), as `PairReader` reads them, with m positives each.
        """
        asks = self.queries.positions[self.places.kept[rows[:, 0]]]
        other = self.database.positions[rows[:, 1:-1]]
        turned = rows[:, -1:].astype(bool)
        asks, other[:, 0] = np.where(turned, other[:, 0], asks), np.where(turned, asks, other[:, 0])
        offsets = asks[:, None] - other.reshape(1, -1, 2)
        return np.asarray(np.hypot(offsets[..., 0], offsets[..., 1]) <= self.soft_positives)


def training_data(settings: TrainSettings, images: ImageSet, workers: int) -> TrainingData:
    """The training data of the train split; `SetError` for a dataset without positions or suitable images.

    The contrastive loss uses day images, and the night images of its queries.
    """
    require_positions(images)
    database, queries = (
        split_images(images, "train", role, settings.height, settings.width)
        for role in ("database", "queries")
    )
    if settings.loss == "contrastive":
        database, queries = database.without_nights(), queries.without_nights()
    places = Places(database.positions, queries.positions, settings.hard_positives, settings.soft_positives)
    miner = Miner(places, settings.mining, settings.negatives or 0, settings.negative_samples or 0)
    common = (queries, places.kept, database, workers, settings.seed, settings.augmentation)
    reader: ExampleReader
    if settings.loss == "contrastive":
        nights = night_twins(queries)
        both = None if nights is None else (nights, night_twins(database, warn=False) or database)
        reader = PairReader(*common, both, settings.night_augmentation, settings.drawn_positives or 1)
    else:
        reader = TripletReader(*common)
    return TrainingData(database, queries, places, miner, reader, settings.soft_positives)
