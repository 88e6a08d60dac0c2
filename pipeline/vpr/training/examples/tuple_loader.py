"""Read the images of training examples: a query with positive and negatives, or a pair and its night."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from pipeline.runtime.read_ahead import read_ahead
from pipeline.vpr.augmentation.transforms import Augmentation, night_generator, query_generator
from pipeline.vpr.inputs.preprocessing import collate
from pipeline.vpr.inputs.split_images import SplitImages

# For the images of a row: the epoch, the round, and the query.
When = tuple[int, int, int]
# Makes a generator from a seed and a `When`.
Generator = Callable[[int, int, int, int], np.random.Generator]


@dataclass(frozen=True)
class ExampleReader(ABC):
    """Reads the images of example rows with `workers` threads.

    kept: maps the first entry of a row to a query of `queries`. augmentation: of query images.
    """

    queries: SplitImages
    kept: np.ndarray
    database: SplitImages
    workers: int
    seed: int
    augmentation: Augmentation | None = None

    def batches(self, parts: Sequence[np.ndarray], epoch: int, round_number: int) -> Iterator[Tensor]:
        """Yield (n * k, 3, H, W) for each of `parts`, n rows of k images; up to two are read ahead.

        Random numbers depend on the seed, `epoch`, `round_number` and the query of the row.
        """
        reads = (
            [read for row in part for read in self._reads(row, (epoch, round_number, int(self.kept[row[0]])))]
            for part in parts
        )
        for views in read_ahead(reads, self.workers):
            # One of several processes may have no row of the last batch.
            none = torch.zeros((0, 3, self.database.height, self.database.width))
            yield collate(views) if views else none

    @abstractmethod
    def _reads(self, row: np.ndarray, when: When) -> list[Callable[[], Tensor]]:
        """One function for each image of a row, which reads it."""

    def _read(
        self,
        pictures: SplitImages,
        index: int,
        augmentation: Augmentation | None,
        generator: Generator,
        when: When,
    ) -> Tensor:
        if augmentation is None:
            return pictures.read(index)
        return pictures.read_changed(index, augmentation, generator(self.seed, *when))


class TripletReader(ExampleReader):
    """Reads rows [kept query, database images...]: the query, then its positive and its negatives."""

    def _reads(self, row: np.ndarray, when: When) -> list[Callable[[], Tensor]]:
        asks = partial(self._read, self.queries, when[2], self.augmentation, query_generator, when)
        return [asks, *(partial(self.database.read, int(index)) for index in row[1:])]


@dataclass(frozen=True)
class PairReader(ExampleReader):
    """Reads rows [kept query, database images..., turned]: the query, its positives, its night.

    The database images are the positives of the query; if the row is turned, the first of them is the query
    and the others and the query are its positives. nights: of the queries and of the database, from which the
    night of the query is read; None without nights. night_augmentation: of these nights. positives: number of
    database images in a row.
    """

    nights: tuple[SplitImages, SplitImages] | None = None
    night_augmentation: Augmentation | None = None
    positives: int = 1

    @property
    def pictures(self) -> int:
        """Number of images in a row."""
        return 1 + self.positives + (self.nights is not None)

    @property
    def turnable(self) -> np.ndarray:
        """Whether each database image can be a query, (D,): with nights, it needs its own night."""
        if self.nights is None:
            return np.ones(len(self.database), bool)
        days, nights = self.database.rows, self.nights[1].rows
        return np.array([night is not day for day, night in zip(days, nights, strict=True)])

    def _reads(self, row: np.ndarray, when: When) -> list[Callable[[], Tensor]]:
        sides = (self.queries, when[2]), (self.database, int(row[1]))
        turned = int(row[-1])
        asks, other = sides[turned], sides[1 - turned]
        reads: list[Callable[[], Tensor]] = [
            partial(self._read, *asks, self.augmentation, query_generator, when),
            partial(other[0].read, other[1]),
            *(partial(self.database.read, int(index)) for index in row[2:-1]),
        ]
        if self.nights is not None:
            night = self.nights[turned], asks[1]
            reads.append(partial(self._read, *night, self.night_augmentation, night_generator, when))
        return reads
