"""IVF-PQ search of a large database; the best candidates are ranked again by exact distances.

Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011, section IV (IVFADC).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import faiss
import numpy as np

from pipeline.vpr.retrieval.descriptor_io import in_pieces

# Training vectors per centroid of k-means: faiss warns below 39.
_TRAINED_ON = 40
# Centroids that one byte of a code chooses from.
_CODEBOOK = 256
_SEED = 1234


@dataclass(frozen=True)
class IvfPq:
    """The parameters of an index.

    lists: of the inverted file. probed: lists that a query searches. code_bytes: per descriptor.
    ranked_again: candidates that are ranked again by their descriptors, for each neighbour that is returned.
    """

    lists: int
    probed: int
    code_bytes: int
    ranked_again: int = 10

    @classmethod
    def of(cls, size: int, length: int) -> IvfPq:
        """The index for `size` descriptors of `length` dimensions.

        lists: the power of two nearest to sqrt(size). Twice as many give the same recall with half the share
            probed, but building takes 1.5 times as long, and most of the time is building.
        probed: one list in 8. For 200,000 descriptors as in benchmarks/search.py (noise 1.8, exact recall@5
            99.2) this costs 0.4 points of recall@5; one in 16 costs 1.0, one in 32 costs 2.0.
        code_bytes: one per 8 dimensions, so codes are 1/32 of the descriptors, but at most 128; a divisor of
            `length`.
        """
        lists = 2 ** round(math.log2(size) / 2)
        most = min(128, max(1, length // 8))
        code_bytes = next(count for count in range(most, 0, -1) if length % count == 0)
        return cls(lists, max(1, lists // 8), code_bytes)

    @property
    def words(self) -> str:
        """The index in words, for records."""
        return (
            f"IVF-PQ search ({self.lists:,} lists, {self.probed} probed, {self.code_bytes} bytes a"
            f" descriptor, {self.ranked_again} candidates a neighbour ranked again exactly)"
        )


def search_index(
    index: faiss.IndexIVFPQ, plan: IvfPq, database: np.ndarray, queries: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """The `count` nearest rows of `database` (D, n) to each of `queries` (Q, n) among the index's candidates.

    Returns exact squared L2 distances and indexes, (Q, count) each, nearest first, rows at equal distance in
    their order; -1 if there are fewer candidates. The same on every run, for any number of threads.
    """
    _, found = index.search(queries, plan.ranked_again * count)
    distances = np.full((len(queries), count), np.inf, np.float32)
    indexes = np.full((len(queries), count), -1, np.int64)
    for query, candidates in enumerate(found):
        rows = np.sort(candidates[candidates >= 0])
        exact = np.square(database[rows] - queries[query]).sum(1)
        best = np.argsort(exact, kind="stable")[:count]
        distances[query, : len(best)], indexes[query, : len(best)] = exact[best], rows[best]
    return distances, indexes


def build_index(database: np.ndarray, plan: IvfPq) -> faiss.IndexIVFPQ:
    """Train the index on random rows of `database` (D, n), with a fixed seed, and add all rows."""
    size, length = database.shape
    index = faiss.IndexIVFPQ(faiss.IndexFlatL2(length), length, plan.lists, plan.code_bytes, 8)
    index.cp.seed = index.pq.cp.seed = _SEED
    wanted = min(size, _TRAINED_ON * max(plan.lists, _CODEBOOK))
    rows = np.random.default_rng(_SEED).choice(size, wanted, replace=False)
    index.train(database[np.sort(rows)])
    for piece in in_pieces(database):
        index.add(piece)
    index.nprobe = plan.probed
    return index
