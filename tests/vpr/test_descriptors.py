from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.core.errors import ParameterError, SetError
from pipeline.vpr.descriptors import extract
from pipeline.vpr.initial import cluster, initial_descriptors

CPU = torch.device("cpu")


def picture(index: int) -> Tensor:
    return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(index))


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 5, 3, stride=4)
        self.norm = nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class Flat(Tiny):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).flatten(1)


def test_descriptors_come_in_order_with_a_shorter_last_batch() -> None:
    network = Flat()
    found = extract(network, picture, 11, batch=4, device=CPU, workers=2)
    with torch.inference_mode():
        wanted = network.eval()(torch.stack([picture(index) for index in range(11)])).numpy()
    assert found.dtype == np.float32
    assert np.allclose(found, wanted, atol=1e-6)


def test_the_number_of_workers_changes_no_bit() -> None:
    one, four = (extract(Flat(), picture, 19, batch=4, device=CPU, workers=count) for count in (1, 4))
    assert one.tobytes() == four.tobytes()


def test_the_networks_mode_is_restored_also_after_an_error() -> None:
    network = Flat().train()
    before = network.norm.running_mean.clone()
    extract(network, picture, 3, batch=2, device=CPU, workers=1)
    assert network.training
    assert torch.equal(before, network.norm.running_mean)

    def broken(index: int) -> Tensor:
        if index == 5:
            raise SetError("picture 5 is broken")
        return picture(index)

    with pytest.raises(SetError, match="picture 5 is broken"):
        extract(network, broken, 40, batch=2, device=CPU, workers=2)
    assert network.training


def test_no_pictures_are_refused() -> None:
    with pytest.raises(SetError, match="no pictures"):
        extract(Flat(), picture, 0, batch=2, device=CPU, workers=1)


def test_initial_descriptors_are_unit_features_of_the_pictures() -> None:
    def drawn(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return initial_descriptors(Tiny(), picture, 6, rng=rng, batch=4, device=CPU, workers=1)

    found = drawn(0)
    # 4 x 4 locations of 6 pictures, fewer than are wanted: all of them.
    assert found.shape == (6 * 16, 5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found, drawn(0))
    grid = Tiny().eval()(picture(2)[None])[0].flatten(1).T.detach().numpy()
    grid /= np.linalg.norm(grid, axis=1, keepdims=True)
    assert all(np.abs(found - location).max(1).min() < 1e-5 for location in grid)


def test_clusters_are_found_where_the_descriptors_lie() -> None:
    rng = np.random.default_rng(2)
    middles = np.eye(4, dtype=np.float32)
    descriptors = np.repeat(middles, 60, axis=0) + rng.normal(0, 0.01, (240, 4)).astype(np.float32)
    centroids = cluster(descriptors, 4, seed=0)
    assert np.allclose(centroids[np.argmax(centroids, axis=0)], middles, atol=0.02)
    assert np.array_equal(centroids, cluster(descriptors, 4, seed=0))


def test_more_clusters_than_descriptors_are_refused() -> None:
    with pytest.raises(ParameterError, match="64 clusters cannot be made of 10 local features"):
        cluster(np.zeros((10, 4), np.float32), 64, seed=0)
