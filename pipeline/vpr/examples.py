"""Pictures of training examples: a query with its positive and its negatives, or with its night."""

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
from pipeline.vpr.views import stacked

# Batches that are read while the network works on the one before.
_AHEAD = 2


@dataclass(frozen=True)
class ExampleReader:
    """Reads the pictures of example rows, [kept query, database images...], with `workers` threads.

    kept: maps the first entry of a row to a query of the gallery `queries`. augmentation: how queries are
    changed. nights: the night of each query, which then follows the pictures of its row; None without.
    night_augmentation: how these nights are changed, each time anew.
    """

    queries: Gallery
    kept: np.ndarray
    database: Gallery
    workers: int
    seed: int
    augmentation: Augmentation | None = None
    nights: Gallery | None = None
    night_augmentation: Augmentation | None = None

    def pictures(self, entries: int) -> int:
        """How many pictures a row of so many entries has: a query's night is one more."""
        return entries + (self.nights is not None)

    def batches(self, parts: Sequence[np.ndarray], epoch: int, round_number: int) -> Iterator[Tensor]:
        """Yield (n * k, 3, H, W) for each of `parts`, n rows of k pictures; up to two are read ahead.

        Of queries with nights k is one more than the entries of a row. What is drawn depends on the seed, on
        `epoch` and `round_number`, and on the row's query.
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
        when = (epoch, round_number, query)
        reads: list[Callable[[], Tensor]] = [partial(self._read_query, query, when)]
        reads += [partial(self.database.read, int(index)) for index in row[1:]]
        if self.nights is not None:
            reads.append(partial(self._read_night, self.nights, query, when))
        return reads

    def _read_query(self, query: int, when: tuple[int, int, int]) -> Tensor:
        if self.augmentation is None:
            return self.queries.read(query)
        return self.queries.read_changed(query, self.augmentation, query_generator(self.seed, *when))

    def _read_night(self, nights: Gallery, query: int, when: tuple[int, int, int]) -> Tensor:
        if self.night_augmentation is None:
            return nights.read(query)
        return nights.read_changed(query, self.night_augmentation, night_generator(self.seed, *when))
