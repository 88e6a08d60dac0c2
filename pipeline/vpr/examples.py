"""Pictures of training examples: a query with its positive and, for triplets, its negatives."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipeline.vpr.augmentation import Augmentation, night_generator, query_generator
from pipeline.vpr.gallery import Gallery
from pipeline.vpr.twins import TwinDraws
from pipeline.vpr.views import stacked

# Batches that are read while the network works on the one before.
_AHEAD = 2


@dataclass(frozen=True)
class Nights:
    """The nights that may stand for the queries and for the database images, when they do, and how changed.

    augmentation: the change of every one of them, drawn anew each time; None shows them as they are.
    """

    queries: Gallery
    database: Gallery
    draws: TwinDraws
    augmentation: Augmentation | None = None


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
        query = int(self.kept[row[0]])
        indexes = [query, *(int(index) for index in row[1:])]
        dark = np.zeros(len(row), dtype=bool)
        if self.nights is not None:
            dark = self.nights.draws.nights(epoch, round_number, query, len(row))
        of_nights = [self.nights if night else None for night in dark]
        return [
            partial(self._read, place, index, nights, (epoch, round_number, query))
            for place, (index, nights) in enumerate(zip(indexes, of_nights, strict=True))
        ]

    def _read(self, place: int, index: int, nights: Nights | None, when: tuple[int, int, int]) -> Tensor:
        """Read what stands at `place` of a row, 0 the query; `when`: epoch, round and query of the row."""
        source = nights or self
        pictures = source.database if place else source.queries
        if nights is not None and nights.augmentation is not None:
            return pictures.read_changed(index, nights.augmentation, night_generator(self.seed, *when, place))
        if place or self.augmentation is None:
            return pictures.read(index)
        return pictures.read_changed(index, self.augmentation, query_generator(self.seed, *when))
