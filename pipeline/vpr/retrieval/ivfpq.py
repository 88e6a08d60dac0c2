"""Search of a large database by an inverted file of product-quantised residuals, and the best ranked exactly.

Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", 2011, section IV (IVFADC).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import faiss
import numpy as np

from pipeline.vpr.retrieval.descriptor_io import in_pieces

# Of k-means, for each of its centroids: faiss warns below 39.
_TRAINED_ON = 40
# A code's byte chooses one of so many centroids.
_CODEBOOK = 256
_SEED = 1234


@dataclass(frozen=True)
class IvfPq:
    """An index's sizes.

    lists: of the inverted file. probed: lists that a query looks into. code_bytes: of each descriptor.
    ranked_again: how many of the nearest by code are ranked by their descriptors, for each one asked for.
    """

    lists: int
    probed: int
    code_bytes: int
    ranked_again: int = 10

    @classmethod
    def of(cls, size: int, length: int) -> IvfPq:
        """The index for `size` descriptors of `length` numbers.

        lists: the power of two next to sqrt(size). Twice as many find as much with half the share probed,
            but take half as long again to build, and building takes most of the time.
        probed: one list in 8. Of 200,000 descriptors as in benchmarks/search.py (noise 1.8, exact recall@5
            99.2) that costs 0.4 points of recall@5; one in 16 costs 1.0, one in 32 costs 2.0.
        code_bytes: one for 8 numbers, so codes are 1/32 of the descriptors, but at most 128; a divisor of
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
    """The `count` nearest rows of `database` (D, n) to each of `queries` (Q, n) among those the index finds.

    Returns squared L2 distances, exact, and indexes, (Q, count) each, nearest first, rows at one distance in
    their order; -1 where the index finds fewer. The same on every run, whatever the number of threads.
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
    """Learn the index from some rows of `database` (D, n), drawn by a fixed seed, and add all of them."""
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
