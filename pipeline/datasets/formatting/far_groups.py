"""Positions far from all others: usually mistakes, such as a missing digit."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

# Metres: more than the width of a city.
FAR = 50_000.0
# Metres: positions are grouped in squares of this side, of which even a country has few.
_SQUARE = 5_000.0


def far_groups(positions: np.ndarray) -> list[np.ndarray]:
    """The indexes of positions (N, 2) in metres, in groups more than about `FAR` from each other.

    The largest group comes first. Within a group, each position has another one nearer than that.
    """
    squares, square_of = np.unique(np.round(positions / _SQUARE), axis=0, return_inverse=True)
    pairs = cKDTree(squares).query_pairs(FAR / _SQUARE, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(squares),) * 2)
    count, group_of_square = connected_components(links, directed=False)
    group_of = group_of_square[square_of.reshape(-1)]
    order = np.argsort(group_of, kind="stable")
    groups = np.split(order, np.searchsorted(group_of[order], np.arange(1, count)))
    return sorted(groups, key=len, reverse=True)
