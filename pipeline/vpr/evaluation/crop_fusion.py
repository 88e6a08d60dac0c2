"""Fuse the rankings of a query's crops into one, as in the Deep Visual Geo-localization Benchmark."""

from __future__ import annotations

import numpy as np

# A shared match comes nearer by this squared distance, times its votes per rank.
_WEIGHT = 0.01
# Votes are counted among this many first matches of each crop, and add up.
_VOTED_AMONG = (1, 5, 10)


def nearest_crop(distances: np.ndarray, indexes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fuse the matches of all crops, (Q, crops, N), into rankings (Q, N): images at their least distance.

    `distances` are squared L2 distances, `indexes` database indexes, -1 when a crop found fewer.
    """
    pairs = [_merged(*query) for query in zip(distances, indexes, strict=True)]
    return np.stack([pair[0] for pair in pairs]), np.stack([pair[1] for pair in pairs])


def majority_voting(distances: np.ndarray, indexes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest_crop`, but images that several crops found come nearer.

    Among the first n matches of each crop, for n = 1, 5 and 10, the distance of an image that was found c > 1
    times is lowered by 0.01 * c / n wherever it was found. Lowered distances may be negative.
    """
    lowered = distances.copy()
    for query, found in zip(lowered, indexes, strict=True):
        for n in _VOTED_AMONG:
            images, inverse, counts = np.unique(found[:, :n], return_inverse=True, return_counts=True)
            votes = np.where((counts > 1) & (images >= 0), counts, 0)
            query[:, :n] -= (_WEIGHT * votes[inverse.reshape(found[:, :n].shape)] / n).astype(query.dtype)
    return nearest_crop(lowered, indexes)


def _merged(distances: np.ndarray, indexes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    count = indexes.shape[1]
    order = np.argsort(distances, axis=None, kind="stable")
    ranked = indexes.ravel()[order]
    _, first = np.unique(ranked, return_index=True)
    chosen = order[np.sort(first)]
    chosen = chosen[indexes.ravel()[chosen] >= 0][:count]
    missing = (0, count - len(chosen))
    return (
        np.pad(distances.ravel()[chosen], missing, constant_values=np.inf),
        np.pad(indexes.ravel()[chosen], missing, constant_values=-1),
    )
