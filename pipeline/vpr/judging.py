"""How well a network finds places: descriptors of a split, exact search, recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from pipeline.vpr.descriptors import extract
from pipeline.vpr.gallery import Gallery
from pipeline.vpr.numeric import autocast
from pipeline.vpr.positives import within
from pipeline.vpr.recall import RECALL_AT, Recalls, recalls
from pipeline.vpr.search import nearest

# Pictures that the network sees at once; it changes speed and memory only.
BATCH = 32


@dataclass(frozen=True)
class Extraction:
    """Where and how descriptors are computed; `workers` threads read pictures."""

    device: torch.device
    workers: int
    numbers: str = "off"

    def descriptors(self, network: nn.Module, pictures: Gallery) -> np.ndarray:
        """Descriptors of all pictures, in their order: (n, D), float32."""
        with autocast(self.device, self.numbers):
            return extract(
                network,
                pictures.read,
                len(pictures),
                batch=BATCH,
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
    """Search each query in the database; a prediction within `radius` metres (inclusive) is right."""
    distances, predictions = nearest(
        extraction.descriptors(network, database),
        extraction.descriptors(network, queries),
        max(RECALL_AT),
    )
    positives = within(queries.positions, database.positions, radius)
    return Judgement(recalls(predictions, positives), predictions, distances, positives)
