"""Nearest neighbours of descriptors: exact, or approximate for a large database."""

from __future__ import annotations

import faiss
import numpy as np

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.retrieval.descriptor_io import in_pieces
from pipeline.vpr.retrieval.ivfpq import IvfPq, build_index, search_index


def search_plan(database: np.ndarray, ivfpq_above: int | None) -> IvfPq | None:
    """How to search `database` (D, n): None for exact search, used up to `ivfpq_above` descriptors.

    With `ivfpq_above` None, every database is searched exactly.
    """
    if ivfpq_above is None or len(database) <= ivfpq_above:
        return None
    return IvfPq.of(len(database), database.shape[1])


def nearest(
    database: np.ndarray, queries: np.ndarray, count: int, plan: IvfPq | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """For each of `queries` (Q, n) the `count` nearest rows of `database` (D, n), nearest first.

    Returns squared L2 distances (Q, count), float32, and indexes (Q, count), int64; if the database has fewer
    than `count` rows, the rest is -1 at infinite distance. Descriptors are used as they are; a memory-mapped
    database is read in pieces and not held. With a `plan` the search is approximate: a few neighbours may be
    replaced by others somewhat farther away.
    `DusklineError` when `count` is below 1, the database is empty, the shapes do not match, or a descriptor
    is not finite.
    """
    if count < 1:
        raise DusklineError(f"expected at least 1 neighbour, not {count}")
    if database.ndim != 2 or queries.ndim != 2 or database.shape[1] != queries.shape[1]:
        raise DusklineError(
            f"descriptors of the database {database.shape} and the queries {queries.shape} do not match; "
            "expected (D, n) and (Q, n)"
        )
    if not len(database):
        raise DusklineError("the database to search has no descriptors")
    for name, rows in (("database", database), ("queries", queries)):
        bad = sum(int((~np.isfinite(piece).all(1)).sum()) for piece in in_pieces(rows))
        if bad:
            raise DusklineError(f"{bad} of {len(rows)} descriptors of the {name} are not finite")
    known, asked = (np.ascontiguousarray(rows, dtype=np.float32) for rows in (database, queries))
    if plan is None:
        distances, indexes = faiss.knn(asked, known, count)
    else:
        distances, indexes = search_index(build_index(known, plan), plan, known, asked, count)
    # faiss marks a missing neighbour with the largest float32 as its distance.
    distances[indexes < 0] = np.inf
    return distances, indexes
