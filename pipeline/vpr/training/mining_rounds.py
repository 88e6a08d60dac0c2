"""The training examples of each round: triplets mined again, or pairs found once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from pipeline.runtime.progress import progress
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from pipeline.vpr.training.examples.mining import Round
from pipeline.vpr.training.examples.similar_places import group_similar, similar_places
from pipeline.vpr.training.examples.tuple_loader import PairReader
from pipeline.vpr.training.memory_check import PAIRS_AT_ONCE
from pipeline.vpr.training.settings import RoundSettings
from pipeline.vpr.training.training_data import TrainingData
from pipeline.vpr.training.training_progress import Progress

# Share of pairs in which the database image is the query.
TURNED = 0.5


@dataclass(frozen=True)
class Rounds:
    """Finds the example rows of each round, with the current descriptors of the network."""

    settings: RoundSettings
    material: TrainingData
    network: nn.Module
    extraction: Extraction

    @property
    def of_an_epoch(self) -> int:
        """How many rounds an epoch has."""
        return -(-self.settings.queries_per_epoch // self.size)

    @property
    def size(self) -> int:
        """Queries of a round: for triplets those that are mined at once, for pairs all of them."""
        settings = self.settings
        if settings.queries_per_cache is not None:
            return settings.queries_per_cache
        known = min(settings.queries_per_epoch, len(self.material.places.kept))
        # Whole batches: a query's negatives are the others of its batch.
        return known if known < settings.batch else known // settings.batch * settings.batch

    def mine(self, done: Progress) -> None:
        """Find the rows of the current round of `done`, and store them there.

        Similar places, and pairs unless they are sampled, are found before the first step and kept in `done`.
        """
        settings, miner, reader = self.settings, self.material.miner, self.material.reader
        kept = len(self.material.places.kept)
        wanted = min(self.size, settings.queries_per_epoch - done.round * self.size, kept)
        rng = np.random.default_rng([settings.seed, done.epoch, done.round])
        if not isinstance(reader, PairReader):
            mining = miner.plan(rng, wanted, done.memory)
            done.rows, done.memory = miner.select(mining, *self._described(mining), done.memory)
            return
        pairs_lack = settings.drawn_positives is None and not len(done.pairs)
        if pairs_lack or (settings.similar_places > 1 and not len(done.similar)):
            self._look_once(done)
        drawn = rng.choice(kept, wanted, replace=False)
        if settings.similar_places > 1:
            size = min(settings.similar_places, settings.batch)
            drawn = group_similar(drawn, done.similar, size, rng)
        pairs = done.pairs[drawn] if settings.drawn_positives is None else self._drawn(rng, drawn)
        # Either image of a pair may be the query, so there are twice as many queries.
        turned = (rng.random(wanted) < TURNED) & reader.turnable[pairs[:, 1]]
        done.rows = np.column_stack([pairs, turned])

    def _drawn(self, rng: np.random.Generator, queries: np.ndarray) -> np.ndarray:
        """Kept queries with sampled positives, (n, 1 + m); a place with fewer positives repeats them."""
        count = self.settings.drawn_positives or 1
        hard = [self.material.places.hard[query] for query in queries]
        drawn = [rng.choice(near, count, replace=len(near) < count) for near in hard]
        return np.column_stack([queries, drawn])

    def _look_once(self, done: Progress) -> None:
        """Find each kept query's nearest positive and its similar places, in pieces."""
        places, groups = self.material.places, self.settings.similar_places > 1
        paired = self.settings.drawn_positives is None
        if paired and not groups and all(len(positives) == 1 for positives in places.hard):
            # There is no choice.
            done.pairs = np.column_stack([np.arange(len(places.kept)), np.concatenate(places.hard)])
            return
        pairs, queries = [], []
        for first in progress(range(0, len(places.kept), PAIRS_AT_ONCE), label="pairs", unit="piece"):
            some = np.arange(first, min(first + PAIRS_AT_ONCE, len(places.kept)))
            mining = self.material.miner.pairs(some)
            described = self._features(self.material.queries, places.kept[some])
            if paired:
                database = self._features(self.material.database, mining.database)
                pairs.append(self.material.miner.select(mining, database, described)[0])
            if groups:
                queries.append(described)
        if groups:
            positions = self.material.queries.positions[places.kept]
            done.similar = similar_places(np.concatenate(queries), positions, self.settings.soft_positives)
        if paired:
            done.pairs = np.concatenate(pairs)

    def _described(self, mining: Round) -> tuple[np.ndarray, np.ndarray]:
        """Descriptors of the database images and of the queries that `mining` needs."""
        database = self._features(self.material.database, mining.database)
        return database, self._features(self.material.queries, self.material.places.kept[mining.queries])

    def _features(self, pictures: SplitImages, indexes: np.ndarray) -> np.ndarray:
        rows = tuple(pictures.rows[int(index)] for index in indexes)
        some = SplitImages(pictures.images, rows, pictures.height, pictures.width)
        return self.extraction.descriptors(self.network, some)
