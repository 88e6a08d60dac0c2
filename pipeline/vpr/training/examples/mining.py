"""Mining: for each query its nearest positive and, for triplets, its hardest negatives.

A round is planned first: it samples queries and database images and says which descriptors are needed. Then
its triplets are selected by these descriptors. Source: the Deep Visual Geo-localization Benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from pipeline.runtime.errors import SetError
from pipeline.vpr.training.examples.positives import Places


class Draws(Protocol):
    """A source of random numbers: a `numpy.random.Generator`, or the list of a test."""

    def choice(self, a: int, size: int, *, replace: bool) -> np.ndarray:
        """Draw `size` of range(a)."""


@dataclass(frozen=True)
class Round:
    """One round of mining.

    queries: (n,) indexes of kept queries, in sampled order.
    pools: for each of them the database indexes of possible negatives, in sampled order.
    database: sorted database indexes whose descriptors the selection needs.
    """

    queries: np.ndarray
    pools: tuple[np.ndarray, ...]
    database: np.ndarray


@dataclass(frozen=True)
class Miner:
    """Mining of one kind: "partial", "full" or "random"; None finds positives only.

    negatives: of each row, 0 for positives only. negative_samples: database images sampled for the round
    ("partial") or for each query ("full"); "random" samples as many as a query needs.
    """

    places: Places
    kind: Literal["partial", "full", "random"] | None
    negatives: int
    negative_samples: int

    def plan(self, rng: Draws, queries: int, memory: Sequence[np.ndarray] = ()) -> Round:
        """Draw `queries` of the kept queries and their possible negatives.

        `memory`: returned by the round before; "full" keeps each query's hardest negatives in it.
        `SetError` when a query has no possible negative, because all sampled images are near it.
        """
        drawn = rng.choice(len(self.places.kept), queries, replace=False)
        sampled = self._sampled(rng, drawn)
        pools = []
        for query, sample in zip(drawn, sampled, strict=True):
            pool = sample[~np.isin(sample, self.places.soft[query])]
            if self.kind == "full":
                remembered = memory[query] if memory else np.zeros(0, np.int64)
                pool = np.unique(np.concatenate([remembered, pool]))
            elif self.kind == "random":
                pool = pool[: self.negatives]
            if not len(pool):
                raise SetError(
                    f"query {self.places.kept[query]} has no negative among the {len(sample)} database images"
                    " drawn: all are within the soft radius",
                    hint="raise negative_samples, or use a dataset with more places",
                )
            pools.append(pool)
        return Round(drawn, tuple(pools), self._needed(drawn, sampled))

    def pairs(self, queries: np.ndarray) -> Round:
        """The round that finds the nearest positive of these kept queries, without negatives."""
        return Round(queries, (np.zeros(0, np.int64),) * len(queries), self._needed(queries, []))

    def select(
        self,
        mining: Round,
        database: np.ndarray,
        queries: np.ndarray,
        memory: Sequence[np.ndarray] = (),
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return rows (n, 2 + negatives), [kept query, positive, negatives], and the next round's memory.

        `database`: descriptors of `mining.database`, `queries`: those of `mining.queries`. If a pool is too
        small, its last image fills the row, as in the benchmark.
        """
        kept = list(memory) or [np.zeros(0, np.int64)] * len(self.places.kept)
        rows = []
        distances = _squared_distances(queries, database)
        for query, pool, row in zip(mining.queries, mining.pools, distances, strict=True):
            hard = self.places.hard[query]
            positive = hard[_nearest(mining, row, hard, 1)[0]]
            chosen = self._negatives(mining, row, pool)
            if self.kind == "full":
                kept[query] = chosen
            rows.append([query, positive, *chosen])
        return np.array(rows, dtype=np.int64), kept if self.kind == "full" else []

    def _negatives(self, mining: Round, distances: np.ndarray, pool: np.ndarray) -> np.ndarray:
        if self.kind is None:
            return pool
        if self.kind == "random":
            order = np.arange(len(pool))
        else:
            order = _nearest(mining, distances, pool, self.negatives)
        return np.concatenate([pool[order], np.full(self.negatives - len(order), pool[-1])])

    def _sampled(self, rng: Draws, drawn: np.ndarray) -> list[np.ndarray]:
        size = self.places.database_size
        if self.kind == "partial":
            sample = rng.choice(size, min(self.negative_samples, size), replace=False)
            return [sample] * len(drawn)
        if self.kind == "full":
            count = min(self.negative_samples, size)
            return [rng.choice(size, count, replace=False) for _ in drawn]
        counts = [min(self.negatives + len(self.places.soft[query]), size) for query in drawn]
        return [rng.choice(size, count, replace=False) for count in counts]

    def _needed(self, drawn: np.ndarray, sampled: list[np.ndarray]) -> np.ndarray:
        if self.kind == "full":
            return np.arange(self.places.database_size)
        needed = [self.places.hard[query] for query in drawn]
        return np.unique(np.concatenate(needed + (sampled[:1] if self.kind == "partial" else [])))


def _squared_distances(queries: np.ndarray, database: np.ndarray) -> np.ndarray:
    """Distances (n, m) of descriptors (n, D) and (m, D), in float64, so that rounding keeps the order."""
    one, other = queries.astype(np.float64), database.astype(np.float64)
    norms = np.square(one).sum(1)[:, None] + np.square(other).sum(1)[None]
    return np.asarray(norms - 2 * (one @ other.T))


def _nearest(mining: Round, distances: np.ndarray, pool: np.ndarray, count: int) -> np.ndarray:
    """Indexes into `pool` of the `count` images nearest to a query, nearest first.

    `distances`: of the query to each of `mining.database`.
    """
    return np.argsort(distances[np.searchsorted(mining.database, pool)], kind="stable")[:count]
