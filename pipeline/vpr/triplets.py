"""Batches of triplets: their loss, and their pictures read while the network works on the batch before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.vpr.gallery import Gallery


def triplet_loss(descriptors: Tensor, negatives: int, margin: float) -> Tensor:
    """Mean hinge loss max(0, |q - p| - |q - n| + margin) over all triplets of a batch.

    `descriptors`, (B * (2 + negatives), D), hold for each query itself, its positive and its negatives;
    the sum over triplets is divided by B * negatives.
    """
    groups = descriptors.unflatten(0, (-1, 2 + negatives))
    # (B, negatives, D) each
    others = groups[:, 2:]
    query, positive = (groups[:, place : place + 1].expand_as(others) for place in (0, 1))
    return functional.triplet_margin_loss(query, positive, others, margin=margin, p=2)


class TripletReader:
    """Reads the pictures of triplet rows with `workers` threads, one batch ahead."""

    def __init__(self, queries: Gallery, kept: np.ndarray, database: Gallery, workers: int) -> None:
        """`kept` maps the first entry of a row to a query of the gallery `queries`."""
        self._queries = queries
        self._kept = kept
        self._database = database
        self._workers = workers

    def batches(self, parts: Sequence[np.ndarray]) -> Iterator[Tensor]:
        """Yield (n * (2 + negatives), 3, H, W) for each of `parts`, n triplet rows."""
        with ThreadPoolExecutor(self._workers) as pool:
            ahead: list[Future[Tensor]] = []
            try:
                for number, part in enumerate(parts):
                    pending = ahead or self._submit(pool, part)
                    ahead = self._submit(pool, parts[number + 1]) if number + 1 < len(parts) else []
                    yield torch.stack([future.result() for future in pending])
            finally:
                for future in ahead:
                    future.cancel()

    def _submit(self, pool: ThreadPoolExecutor, rows: np.ndarray) -> list[Future[Tensor]]:
        return [
            pool.submit(self._queries.read, int(self._kept[index]))
            if place == 0
            else pool.submit(self._database.read, int(index))
            for row in rows
            for place, index in enumerate(row)
        ]
