"""Batches of triplets: their loss, and their pictures read while the network works on the batch before."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.vpr.gallery import Gallery
from pipeline.vpr.views import stacked

# Batches that are read while the network works on the one before.
_AHEAD = 2


def triplet_loss(descriptors: Tensor, negatives: int, margin: float, *, batch: int | None = None) -> Tensor:
    """Mean hinge loss max(0, |q - p| - |q - n| + margin) over all triplets of a batch.

    `descriptors`, (B * (2 + negatives), D), hold for each query itself, its positive and its negatives;
    the sum over triplets is divided by B * negatives, or by `batch` * negatives where these are only some
    queries of a batch.
    """
    groups = descriptors.unflatten(0, (-1, 2 + negatives))
    # (B, negatives, D) each
    others = groups[:, 2:]
    query, positive = (groups[:, place : place + 1].expand_as(others) for place in (0, 1))
    total = functional.triplet_margin_loss(query, positive, others, margin=margin, p=2, reduction="sum")
    return total / ((batch or len(groups)) * negatives)


class TripletReader:
    """Reads the pictures of triplet rows with `workers` threads, up to two batches ahead."""

    def __init__(self, queries: Gallery, kept: np.ndarray, database: Gallery, workers: int) -> None:
        """`kept` maps the first entry of a row to a query of the gallery `queries`."""
        self._queries = queries
        self._kept = kept
        self._database = database
        self._workers = workers

    def batches(
        self, parts: Sequence[np.ndarray], read_query: Callable[[int], Tensor] | None = None
    ) -> Iterator[Tensor]:
        """Yield (n * (2 + negatives), 3, H, W) for each of `parts`, n triplet rows.

        `read_query`, given a query's index in its gallery, reads it otherwise than the gallery does.
        """
        read = read_query or self._queries.read
        with ThreadPoolExecutor(self._workers) as pool:
            ahead: deque[list[Future[Tensor]]] = deque()
            try:
                for number in range(len(parts)):
                    for part in parts[number + len(ahead) : number + 1 + _AHEAD]:
                        ahead.append(self._submit(pool, part, read))
                    pending = ahead.popleft()
                    yield self._stacked([future.result() for future in pending])
            finally:
                for future in itertools.chain.from_iterable(ahead):
                    future.cancel()

    def _stacked(self, views: list[Tensor]) -> Tensor:
        # One of several processes may be left without a row of the last batch.
        return stacked(views) if views else torch.zeros((0, 3, self._database.height, self._database.width))

    def _submit(
        self, pool: ThreadPoolExecutor, rows: np.ndarray, read_query: Callable[[int], Tensor]
    ) -> list[Future[Tensor]]:
        return [
            pool.submit(read_query, int(self._kept[index]))
            if place == 0
            else pool.submit(self._database.read, int(index))
            for row in rows
            for place, index in enumerate(row)
        ]
