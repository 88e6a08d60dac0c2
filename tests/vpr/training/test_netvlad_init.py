from __future__ import annotations

import faiss
import numpy as np
import pytest
import torch

from pipeline.runtime.errors import ParameterError
from pipeline.vpr.training.netvlad_init import cluster, initial_descriptors
from tests.vpr.tiny import CPU, Features, picture


def drawn(seed: int, count: int = 6, *, batch: int = 4, workers: int = 1, **wanted: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return initial_descriptors(
        Features(), picture, count, rng=rng, batch=batch, device=CPU, workers=workers, **wanted
    )


def locations(index: int) -> np.ndarray:
    """All features of one image, (16, 5), computed apart."""
    with torch.inference_mode():
        grid = Features().eval()(picture(index)[None])[0].flatten(1).T.numpy()
    return grid / np.linalg.norm(grid, axis=1, keepdims=True)


def origins(found: np.ndarray, count: int) -> list[tuple[int, int]]:
    """Which (image, location) each feature is; every one must be one of them."""
    every = np.concatenate([locations(index) for index in range(count)])
    distances = np.abs(found[:, None] - every[None]).max(2)
    assert distances.min(1).max() < 1e-5
    return [divmod(int(place), 16) for place in distances.argmin(1)]


def test_initial_descriptors_are_unit_features_of_the_pictures() -> None:
    found = drawn(0)
    # 4 x 4 locations of 6 images, fewer than are wanted: all of them.
    assert found.shape == (6 * 16, 5)
    assert found.dtype == np.float32
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert sorted(origins(found, 6)) == [(index, place) for index in range(6) for place in range(16)]


def test_pictures_and_locations_are_drawn_without_replacement() -> None:
    found = origins(drawn(0, 20, images=7, per_image=5), 20)
    assert len(found) == len(set(found)) == 7 * 5
    chosen = [index for index, _ in found]
    assert len(set(chosen)) == 7
    assert all(chosen.count(index) == 5 for index in chosen)
    # Each image has locations of its own.
    places = {tuple(place for index, place in found if index == wanted) for wanted in chosen}
    assert len(places) > 1


def test_the_same_seed_draws_the_same_whatever_the_batch_and_the_workers() -> None:
    first = drawn(3, 20, images=9, per_image=4)
    assert first.tobytes() == drawn(3, 20, images=9, per_image=4, workers=4).tobytes()
    assert np.allclose(first, drawn(3, 20, images=9, per_image=4, batch=2), atol=1e-6)
    assert not np.allclose(first, drawn(4, 20, images=9, per_image=4), atol=1e-2)


def test_clusters_are_found_where_the_descriptors_lie() -> None:
    rng = np.random.default_rng(2)
    middles = np.eye(4, dtype=np.float32)
    descriptors = np.repeat(middles, 60, axis=0) + rng.normal(0, 0.01, (240, 4)).astype(np.float32)
    centroids = cluster(descriptors, 4, seed=0)
    assert np.allclose(centroids[np.argmax(centroids, axis=0)], middles, atol=0.02)
    assert np.array_equal(centroids, cluster(descriptors, 4, seed=0))


def test_more_clusters_than_descriptors_are_refused() -> None:
    with pytest.raises(ParameterError, match="10 local features are too few for 64 clusters"):
        cluster(np.zeros((10, 4), np.float32), 64, seed=0)


def test_seed_0_is_the_default_of_faiss() -> None:
    descriptors = np.random.default_rng(5).random((400, 6), dtype=np.float32)
    kmeans = faiss.Kmeans(6, 8, niter=100)
    kmeans.train(descriptors)
    assert np.array_equal(cluster(descriptors, 8, seed=0), kmeans.centroids)
    assert not np.array_equal(cluster(descriptors, 8, seed=1), kmeans.centroids)
