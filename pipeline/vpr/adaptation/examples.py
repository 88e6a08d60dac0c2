"""Training examples of an adaptation: pairs of one place, or images that are each their own positive."""

from __future__ import annotations

import contextlib
import logging

import numpy as np

from pipeline.datasets.image_set.image_set import UNPLACED, ImageSet
from pipeline.runtime.errors import SetError
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.training.examples.day_night_pairs import night_twins
from pipeline.vpr.training.examples.mining import Miner
from pipeline.vpr.training.examples.positives import Places
from pipeline.vpr.training.examples.tuple_loader import PairReader
from pipeline.vpr.training.training_data import TrainingData

_LOG = logging.getLogger(__name__)


def adapting_data(settings: AdaptSettings, images: ImageSet, workers: int) -> TrainingData:
    """The pairs of a split with their nights; `SetError` for a split without day images or their nights."""
    queries, database, places = _places(settings, images)
    if len(places.kept) < 2:
        raise SetError(
            f"the {settings.split} split of {images.root} has only one place, and training needs two or more",
            hint="use a dataset with more images",
        )
    nights = night_twins(queries)
    if nights is None:
        raise SetError(
            f"the {settings.split} split of {images.root} has no night images of its day images",
            hint="use a dataset of day images and their nights that `merge` has made",
        )
    both = (nights, night_twins(database, warn=False) or database)
    reader = PairReader(
        *(queries, places.kept, database, workers, settings.seed, settings.augmentation),
        both,
        settings.night_augmentation,
    )
    return TrainingData(database, queries, places, Miner(places, None, 0, 0), reader, settings.negatives)


def _places(settings: AdaptSettings, images: ImageSet) -> tuple[SplitImages, SplitImages, Places]:
    """Queries, database and positives among the day images."""
    days = tuple(row for row in images.where(settings.split) if row.time_of_day != "night")
    if not days:
        raise SetError(f"the {settings.split} split of {images.root} has no day images")
    size = settings.height, settings.width
    queries, database = (
        SplitImages(images, tuple(row for row in days if row.role == role), *size)
        for role in ("queries", "database")
    )
    if settings.positives is not None:
        if images.positions_in != UNPLACED and len(queries) and len(database):
            with contextlib.suppress(SetError):
                near = settings.positives, settings.negatives
                return queries, database, Places(database.positions, queries.positions, *near)
        _LOG.info(
            "no query of %s has a database image within %g m: each of its %d day images is its own positive",
            images.root,
            settings.positives,
            len(days),
        )
    every = SplitImages(images, days, *size)
    alone = np.column_stack([np.arange(len(every)), np.zeros(len(every))])
    return every, every, Places(alone, alone, 0, 0)
