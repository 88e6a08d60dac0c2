"""Batches of places that look alike, so that the network learns to tell them apart.

Random places are mostly easy to tell apart, so a step teaches little. Batches of hard negatives are common in
place recognition; here they are found once, by the network before training.
"""

from __future__ import annotations

import numpy as np

from pipeline.vpr.retrieval.nearest_neighbours import nearest

# Nearest queries that are searched for similar places; many of them show the same place.
_SOUGHT = 128
# Similar queries that are kept for each query.
_KEPT = 32


def similar_places(descriptors: np.ndarray, positions: np.ndarray, radius: float) -> np.ndarray:
    """Return for each query the most similar queries farther away than `radius`: (K, 32), int32.

    descriptors (K, D) and positions (K, 2) in metres. The most similar come first; -1 fills the rest.
    """
    found = nearest(descriptors, descriptors, min(_SOUGHT, len(descriptors)))[1]
    offsets = positions[found] - positions[:, None]
    away = (found >= 0) & (np.hypot(offsets[..., 0], offsets[..., 1]) > radius)
    # The others move to the end, in their order.
    order = np.argsort(~away, axis=1, kind="stable")[:, :_KEPT]
    similar = np.full((len(found), _KEPT), -1, np.int32)
    similar[:, : order.shape[1]] = np.take_along_axis(np.where(away, found, -1), order, axis=1)
    return similar


def group_similar(drawn: np.ndarray, similar: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Order the sampled queries in groups of up to `size` similar ones; groups are shuffled.

    Each query takes the most similar ones that are still free; late queries may find none.
    """
    free = np.zeros(len(similar), bool)
    free[drawn] = True
    groups = []
    for query in drawn:
        if free[query]:
            free[query] = False
            others = similar[query]
            group = [query, *others[(others >= 0) & free[others]][: size - 1]]
            free[group] = False
            groups.append(group)
    rng.shuffle(groups)
    return np.concatenate(groups)
