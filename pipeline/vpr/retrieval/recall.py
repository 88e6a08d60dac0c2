"""recall@N: the share of queries with a correct match among their N nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

RECALL_AT = (1, 5, 10, 20)


@dataclass(frozen=True)
class Recalls:
    """hits: for each N the number of queries with a positive among their first N predictions.

    queries: number of all. queries_without_positives: they are among them and always count as misses.
    """

    hits: Mapping[int, int]
    queries: int
    queries_without_positives: int

    def percent(self, n: int) -> float:
        """recall@n in per cent of all queries."""
        return self.hits[n] / self.queries * 100

    def __str__(self) -> str:
        return ", ".join(f"R@{n}: {self.percent(n):.1f}" for n in self.hits)


def recalls(
    predictions: np.ndarray, positives: Sequence[np.ndarray], at: Sequence[int] = RECALL_AT
) -> Recalls:
    """Count hits: `predictions` (Q, >= max(at)) database indexes, nearest first; `positives` of each query.

    `ValueError` when there are no queries, their numbers differ, or an N is below 1 or above the columns.
    """
    if not len(positives) or len(predictions) != len(positives):
        raise ValueError(f"{len(predictions)} rows of predictions for {len(positives)} queries")
    if min(at) < 1 or max(at) > predictions.shape[1]:
        raise ValueError(f"recall at {tuple(at)} of {predictions.shape[1]} predictions per query")
    right = np.stack([np.isin(row, near) for row, near in zip(predictions, positives, strict=True)])
    hits = {n: int(right[:, :n].any(1).sum()) for n in at}
    return Recalls(hits, len(positives), sum(not len(near) for near in positives))
