"""Positions within a radius, inclusive."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def within(queries: np.ndarray, database: np.ndarray, radius: float) -> list[np.ndarray]:
    """For each of `queries` (Q, 2) the sorted indexes of `database` (D, 2) at most `radius` away.

    Positions are east and north in metres; a distance of exactly `radius` counts.
    """
    # The tree may round at the border, so it only finds candidates, and the distance decides.
    near = cKDTree(database).query_ball_point(queries, radius * (1 + 1e-9) + 1e-9)
    found = []
    for query, indexes in zip(queries, near, strict=True):
        candidates = np.array(sorted(indexes), dtype=np.int64)
        offsets = database[candidates] - query
        found.append(candidates[np.hypot(offsets[:, 0], offsets[:, 1]) <= radius])
    return found
