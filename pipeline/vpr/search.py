"""Exact nearest neighbours of descriptors."""

from __future__ import annotations

import faiss
import numpy as np

from pipeline.core.errors import DusklineError


def nearest(database: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `queries` (Q, n) the `count` nearest rows of `database` (D, n), nearest first.

    Returns squared L2 distances (Q, count), float32, and indexes (Q, count), int64; where the database has
    fewer than `count` rows, -1 follows them. Descriptors are used as they are. `DusklineError` when one is
    not finite, which nothing could be near to.
    """
    for name, rows in (("database", database), ("queries", queries)):
        bad = np.flatnonzero(~np.isfinite(rows).all(1))
        if len(bad):
            raise DusklineError(f"{len(bad)} of {len(rows)} descriptors of the {name} are not finite")
    index = faiss.IndexFlatL2(database.shape[1])
    index.add(np.ascontiguousarray(database, dtype=np.float32))
    distances, indexes = index.search(np.ascontiguousarray(queries, dtype=np.float32), count)
    return distances, indexes
