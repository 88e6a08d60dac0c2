"""Places that look alike put into one batch, where each has to be told from the others.

Of places drawn evenly most are told apart at once, and a step teaches little. Batches of hard negatives are
usual in place recognition; here they are found once, by the network before it learns.
"""

from __future__ import annotations

import numpy as np

from pipeline.vpr.retrieval.nearest_neighbours import nearest

# Nearest queries that are looked at for similar ones, many of which show the same place from nearby.
_SOUGHT = 128
# Similar queries that are remembered of each query.
_KEPT = 32


def similar_places(descriptors: np.ndarray, positions: np.ndarray, radius: float) -> np.ndarray:
    """Return for each query those that look most like it though they are beyond `radius`: (K, 32), int32.

    descriptors (K, D) and positions (K, 2) in metres. The most similar come first; -1 stands where there are
    no more.
    """
    found = nearest(descriptors, descriptors, min(_SOUGHT, len(descriptors)))[1]
    offsets = positions[found] - positions[:, None]
    away = (found >= 0) & (np.hypot(offsets[..., 0], offsets[..., 1]) > radius)
    # The others move behind, in their order.
    order = np.argsort(~away, axis=1, kind="stable")[:, :_KEPT]
    similar = np.full((len(found), _KEPT), -1, np.int32)
    similar[:, : order.shape[1]] = np.take_along_axis(np.where(away, found, -1), order, axis=1)
    return similar


def group_similar(drawn: np.ndarray, similar: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Order the `drawn` queries so that up to `size` similar ones follow each other; groups are shuffled.

    Each query takes the most similar that are still free; late ones may find none.
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
