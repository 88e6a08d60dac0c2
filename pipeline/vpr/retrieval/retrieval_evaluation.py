"""Evaluate a network: descriptors of a split, search, recall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from pipeline.compute.device.precision import autocast
from pipeline.compute.distributed.group import ALONE, Group
from pipeline.datasets.image_set.radius_search import within
from pipeline.runtime.progress import progress
from pipeline.vpr.inputs.split_images import SplitImages
from pipeline.vpr.retrieval.extraction import extract
from pipeline.vpr.retrieval.nearest_neighbours import nearest
from pipeline.vpr.retrieval.recall import RECALL_AT, Recalls, recalls

# Images in one forward pass; changes only speed and memory.
BATCH = 32
# Images of a piece: whole batches, so it does not change the result.
PIECE = 64 * BATCH


class Pictures(Protocol):
    """Images to describe: a `SplitImages`, or preprocessed queries."""

    def __len__(self) -> int:
        """How many there are."""

    def read(self, index: int) -> torch.Tensor:
        """One image, normalised."""


@dataclass(frozen=True)
class Extraction:
    """Where and how descriptors are computed; `workers` threads read images."""

    device: torch.device
    workers: int
    numbers: str = "off"
    group: Group = ALONE

    def descriptors(self, network: nn.Module, pictures: Pictures, batch: int = BATCH) -> np.ndarray:
        """Descriptors of all images, in their order: (n, D), float32.

        Each process of `group` computes its share, and gets all.
        """
        count = len(pictures)
        if count < self.group.size:
            return self._some(network, pictures, 0, count, batch)
        mine = self.group.share(range(count))
        rows = self._some(network, pictures, mine.start, len(mine), batch)
        return self.group.gathered(rows, count, self.device)

    def pieces(self, network: nn.Module, pictures: Pictures) -> Iterator[np.ndarray]:
        """The same, `PIECE` images at a time, so that not all descriptors are held."""
        for first in progress(range(0, len(pictures), PIECE), label="describe", unit="piece"):
            yield self._some(network, pictures, first, min(PIECE, len(pictures) - first), BATCH)

    def _some(self, network: nn.Module, pictures: Pictures, first: int, count: int, batch: int) -> np.ndarray:
        with autocast(self.device, self.numbers):
            return extract(
                network,
                lambda place: pictures.read(first + place),
                count,
                batch=batch,
                device=self.device,
                workers=self.workers,
            )


@dataclass(frozen=True)
class RetrievalResult:
    """The search results of a network: for each query (row) the nearest database images, nearest first.

    predictions: (Q, N) database indexes, -1 if the database has fewer than N images.
    distances: (Q, N) squared L2 distances of descriptors.
    positives: for each query the database indexes within the radius.
    """

    recalls: Recalls
    predictions: np.ndarray
    distances: np.ndarray
    positives: list[np.ndarray]


def evaluate_recall(
    network: nn.Module, database: SplitImages, queries: SplitImages, radius: float, extraction: Extraction
) -> RetrievalResult:
    """Search each query in the database, exactly; a match within `radius` metres (inclusive) is correct."""
    found = nearest(
        extraction.descriptors(network, database),
        extraction.descriptors(network, queries),
        max(RECALL_AT),
    )
    return evaluate_matches(found, database, queries, radius)


def evaluate_matches(
    found: tuple[np.ndarray, np.ndarray], database: SplitImages, queries: SplitImages, radius: float
) -> RetrievalResult:
    """Evaluate search results, distances and indexes (Q, N) each, by the positions of the images."""
    distances, predictions = found
    positives = within(queries.positions, database.positions, radius)
    return RetrievalResult(recalls(predictions, positives), predictions, distances, positives)
