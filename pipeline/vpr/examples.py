"""Pictures of training examples: a query with its positive and, for triplets, its negatives."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.vpr.augmentation import Augmentation, query_generator
from pipeline.vpr.gallery import Gallery
from pipeline.vpr.twins import TwinDraws
from pipeline.vpr.views import stacked

# Batches that are read while the network works on the one before.
_AHEAD = 2


@dataclass(frozen=True)
class Nights:
    """The nights that may stand for the queries and for the database images, and when they do."""

    queries: Gallery
    database: Gallery
    draws: TwinDraws


@dataclass(frozen=True)
class ExampleReader:
    """Reads the pictures of example rows, [kept query, database images...], with `workers` threads.

    kept: maps the first entry of a row to a query of the gallery `queries`. augmentation: how queries are
    changed. nights: the night of each picture of both galleries, which may be read in its stead; None reads
    each picture itself.
    """

    queries: Gallery
    kept: np.ndarray
    database: Gallery
    workers: int
    seed: int
    augmentation: Augmentation | None = None
    nights: Nights | None = None

    def batches(self, parts: Sequence[np.ndarray], epoch: int, round_number: int) -> Iterator[Tensor]:
        """Yield (n * k, 3, H, W) for each of `parts`, n rows of k pictures; up to two are read ahead.

        What is drawn depends on the seed, on `epoch` and `round_number`, and on the row's query.
        """
        with ThreadPoolExecutor(self.workers) as pool:
            ahead: deque[list[Future[Tensor]]] = deque()
            try:
                for number in range(len(parts)):
                    for part in parts[number + len(ahead) : number + 1 + _AHEAD]:
                        reads = [read for row in part for read in self._reads(row, epoch, round_number)]
                        ahead.append([pool.submit(read) for read in reads])
                    pending = ahead.popleft()
                    yield self._stacked([future.result() for future in pending])
            finally:
                for future in itertools.chain.from_iterable(ahead):
                    future.cancel()

    def _stacked(self, views: list[Tensor]) -> Tensor:
        # One of several processes may be left without a row of the last batch.
        return stacked(views) if views else torch.zeros((0, 3, self.database.height, self.database.width))

    def _reads(self, row: np.ndarray, epoch: int, round_number: int) -> list[Callable[[], Tensor]]:
        """What reads each picture of a row."""
        query, others = int(self.kept[row[0]]), [int(index) for index in row[1:]]
        queries, databases = self.queries, [self.database] * len(others)
        if self.nights is not None:
            night, *nights = self.nights.draws.nights(epoch, round_number, query, len(row))
            queries = self.nights.queries if night else queries
            databases = [self.nights.database if dark else self.database for dark in nights]

        def read_query() -> Tensor:
            if self.augmentation is None:
                return queries.read(query)
            generator = query_generator(self.seed, epoch, round_number, query)
            return queries.read_changed(query, self.augmentation, generator)

        def read(database: Gallery, index: int) -> Callable[[], Tensor]:
            return lambda: database.read(index)

        return [read_query, *itertools.starmap(read, zip(databases, others, strict=True))]
