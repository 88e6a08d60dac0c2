"""Exact nearest neighbours of descriptors."""

from __future__ import annotations

import faiss
import numpy as np

from pipeline.core.errors import DusklineError


def nearest(database: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `queries` (Q, n) the `count` nearest rows of `database` (D, n), nearest first.

    Returns squared L2 distances (Q, count), float32, and indexes (Q, count), int64; where the database has
    fewer than `count` rows, -1 follows them, at an infinite distance. Descriptors are used as they are.
    `DusklineError` when `count` is below 1, the database empty, the two do not fit, or a descriptor is not
    finite, which nothing could be near to.
    """
    if count < 1:
        raise DusklineError(f"{count} neighbours were asked for; expected at least 1")
    if database.ndim != 2 or queries.ndim != 2 or database.shape[1] != queries.shape[1]:
        raise DusklineError(
            f"descriptors of the database {database.shape} and the queries {queries.shape} do not fit; "
            "expected (D, n) and (Q, n)"
        )
    if not len(database):
        raise DusklineError("the database to search has no descriptors")
    for name, rows in (("database", database), ("queries", queries)):
        bad = np.flatnonzero(~np.isfinite(rows).all(1))
        if len(bad):
            raise DusklineError(f"{len(bad)} of {len(rows)} descriptors of the {name} are not finite")
    index = faiss.IndexFlatL2(database.shape[1])
    index.add(np.ascontiguousarray(database, dtype=np.float32))
    distances, indexes = index.search(np.ascontiguousarray(queries, dtype=np.float32), count)
    # faiss marks a missing neighbour by the largest float32, which is a number like any other.
    distances[indexes < 0] = np.inf
    return distances, indexes
