"""How well a network finds places: descriptors of a split, search, recall."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from pipeline.core.progress import progress
from pipeline.datasets.nearby import within
from pipeline.vpr.descriptors import extract
from pipeline.vpr.gallery import Gallery
from pipeline.vpr.numeric import autocast
from pipeline.vpr.recall import RECALL_AT, Recalls, recalls
from pipeline.vpr.search import nearest

# Pictures that the network sees at once; it changes speed and memory only.
BATCH = 32
# Pictures that are described before their descriptors are put down: whole batches, so it changes nothing.
PIECE = 64 * BATCH


class Pictures(Protocol):
    """What can be described: a `Gallery`, or treated queries."""

    def __len__(self) -> int:
        """How many there are."""

    def read(self, index: int) -> torch.Tensor:
        """One picture, normalised."""


@dataclass(frozen=True)
class Extraction:
    """Where and how descriptors are computed; `workers` threads read pictures."""

    device: torch.device
    workers: int
    numbers: str = "off"

    def descriptors(self, network: nn.Module, pictures: Pictures, batch: int = BATCH) -> np.ndarray:
        """Descriptors of all pictures, in their order: (n, D), float32."""
        return self._some(network, pictures, 0, len(pictures), batch)

    def pieces(self, network: nn.Module, pictures: Pictures) -> Iterator[np.ndarray]:
        """The same, `PIECE` pictures at a time, so that not all descriptors need be held."""
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
class Judgement:
    """What a network found: for each query (row) its nearest database images, nearest first.

    predictions: (Q, N) database indexes, -1 where the database has fewer than N images.
    distances: (Q, N) squared L2 distances of descriptors.
    positives: for each query the database indexes within the radius.
    """

    recalls: Recalls
    predictions: np.ndarray
    distances: np.ndarray
    positives: list[np.ndarray]


def judge(
    network: nn.Module, database: Gallery, queries: Gallery, radius: float, extraction: Extraction
) -> Judgement:
    """Search each query in the database, exactly; a find within `radius` metres (inclusive) is right."""
    found = nearest(
        extraction.descriptors(network, database),
        extraction.descriptors(network, queries),
        max(RECALL_AT),
    )
    return judged(found, database, queries, radius)


def judged(
    found: tuple[np.ndarray, np.ndarray], database: Gallery, queries: Gallery, radius: float
) -> Judgement:
    """Hold what a search `found`, distances and indexes (Q, N) each, against the places on the ground."""
    distances, predictions = found
    positives = within(queries.positions, database.positions, radius)
    return Judgement(recalls(predictions, positives), predictions, distances, positives)
