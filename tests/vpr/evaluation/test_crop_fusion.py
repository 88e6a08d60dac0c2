from __future__ import annotations

import numpy as np
import pytest

from pipeline.vpr.evaluation.crop_fusion import majority_voting, nearest_crop


def test_each_image_counts_at_its_least_distance() -> None:
    distances = np.array([[[1.0, 4.0, 5.0], [0.5, 2.0, 9.0]]], np.float32)
    indexes = np.array([[[7, 3, 1], [3, 7, 2]]])
    found = nearest_crop(distances, indexes)
    assert found[1].tolist() == [[3, 7, 1]]
    assert found[0].tolist() == [[0.5, 1.0, 5.0]]


def test_where_the_crops_find_too_few_minus_one_follows() -> None:
    distances = np.array([[[1.0, np.inf, np.inf], [0.5, 2.0, np.inf]]], np.float32)
    indexes = np.array([[[1, -1, -1], [1, 0, -1]]])
    for combine in (nearest_crop, majority_voting):
        found = combine(distances, indexes)
        assert found[1].tolist() == [[1, 0, -1]]
        assert np.isposinf(found[0][0, 2])


def voted(distances: np.ndarray, indexes: np.ndarray) -> tuple[list[float], list[int]]:
    """The rule of majority voting for one query, place by place."""
    crops, finds = indexes.shape
    lowered = distances.astype(np.float64)
    for n in (1, 5, 10):
        for crop in range(crops):
            for rank in range(min(n, finds)):
                count = int((indexes[:, :n] == indexes[crop, rank]).sum())
                if count > 1:
                    lowered[crop, rank] -= 0.01 * count / n
    best: dict[int, float] = {}
    for image, distance in zip(indexes.ravel().tolist(), lowered.ravel().tolist(), strict=True):
        best[image] = min(distance, best.get(image, np.inf))
    ranked = sorted(best, key=lambda image: best[image])[:finds]
    return [best[image] for image in ranked], ranked


@pytest.mark.parametrize("finds", [3, 7, 20])
def test_shared_finds_come_nearer_by_the_rule(finds: int) -> None:
    rng = np.random.default_rng(finds)
    distances = np.sort(rng.random((6, 5, finds)), axis=2).astype(np.float32)
    indexes = np.stack([[rng.choice(30, finds, replace=False) for _ in range(5)] for _ in range(6)])
    before = distances.copy()
    found = majority_voting(distances, indexes)
    assert np.array_equal(distances, before)
    assert found[1].shape == (6, finds)
    for query in range(6):
        wanted, ranked = voted(distances[query], indexes[query])
        assert found[1][query].tolist() == ranked
        assert np.allclose(found[0][query], wanted, atol=1e-6)


def test_the_vote_of_many_crops_beats_the_nearest_of_one() -> None:
    distances = np.full((1, 5, 2), 0.50, np.float32)
    distances[0, 0, 0], distances[0, :, 1] = 0.47, 0.6
    indexes = np.array([[[9, 8], [4, 7], [4, 6], [4, 5], [4, 3]]])
    assert nearest_crop(distances, indexes)[1][0, 0] == 9
    assert majority_voting(distances, indexes)[1][0, 0] == 4
