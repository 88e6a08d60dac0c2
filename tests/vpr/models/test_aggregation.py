"""Aggregation against the published layers, and against plain formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.models.aggregation import GeM, NetVLAD, Pooled, initial_assignment
from tests.vpr.golden import golden_inputs, golden_outputs

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    return golden_inputs("aggregation")


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    return golden_outputs("aggregation")


def netvlad(inputs: dict[str, torch.Tensor]) -> NetVLAD:
    layer = NetVLAD(8, 32)
    layer.load_state_dict({"conv.weight": inputs["conv_weight"], "centroids": inputs["centroids"]})
    return layer


def assert_equal(found: torch.Tensor, wanted: np.ndarray) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.detach().numpy() - wanted).max() < TOLERANCE


def test_netvlad_is_the_published_one(inputs: dict, outputs: dict) -> None:
    layer, x = netvlad(inputs), inputs["x"]
    assert_equal(layer(x), outputs["netvlad"])
    assert_equal(layer(x[:1]), outputs["netvlad_batch1"])
    assert_equal(layer.conv(functional.normalize(x)), outputs["netvlad_logits"])


def naive(layer: NetVLAD, x: torch.Tensor) -> torch.Tensor:
    """The definition, cluster by cluster and location by location, in float64."""
    weight, centroids = layer.conv.weight[:, :, 0, 0].double(), layer.centroids.double()
    found = []
    for sample in x.double().flatten(2):
        columns = [column / max(float(column.norm()), 1e-12) for column in sample.T]
        shares = [torch.softmax(weight @ column, dim=0) for column in columns]
        rows = []
        for k, centroid in enumerate(centroids):
            row = sum((a[k] * (column - centroid) for a, column in zip(shares, columns, strict=True)))
            rows.append(row / row.norm())
        vector = torch.cat(rows)
        found.append(vector / vector.norm())
    return torch.stack(found)


@pytest.mark.parametrize(("clusters", "channels", "grid"), [(1, 3, (2, 2)), (5, 7, (3, 4)), (16, 8, (1, 9))])
def test_netvlad_is_its_definition(clusters: int, channels: int, grid: tuple[int, int]) -> None:
    torch.manual_seed(clusters)
    layer = NetVLAD(clusters, channels)
    x = torch.randn(3, channels, *grid)
    x[0, :, 0, 0] = 0
    assert_equal(layer(x), naive(layer, x).detach().numpy())


def test_netvlad_keeps_no_tensor_of_clusters_by_channels_by_locations() -> None:
    clusters, channels, locations = 16, 32, 20 * 20
    sizes: list[int] = []
    layer = NetVLAD(clusters, channels)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t):
        layer(torch.randn(1, channels, 20, 20)).sum().backward()
    assert 0 < max(sizes) <= channels * locations


def test_netvlad_takes_a_channels_last_batch(inputs: dict, outputs: dict) -> None:
    x = inputs["x"].contiguous(memory_format=torch.channels_last)
    assert_equal(netvlad(inputs)(x), outputs["netvlad"])


@pytest.mark.parametrize("p", [3.0, 2.37])
def test_gem_is_the_published_one(inputs: dict, outputs: dict, p: float) -> None:
    assert_equal(GeM(p)(inputs["x"]), outputs[f"gem_p{p}"])


@pytest.mark.parametrize("l2", ["before_pool", "after_pool", "none"])
def test_gem_with_l2_in_its_place(inputs: dict, outputs: dict, l2) -> None:
    assert_equal(Pooled(GeM(), l2)(inputs["x"]), outputs[f"gem_{l2}"])


def test_gem_before_a_linear_layer(inputs: dict, outputs: dict) -> None:
    linear = nn.Linear(32, 16)
    linear.load_state_dict({"weight": inputs["fc_weight"], "bias": inputs["fc_bias"]})
    found = functional.normalize(linear(Pooled(GeM(), "before_pool")(inputs["x"])))
    assert_equal(found, outputs["gem_before_pool_fc16"])


def test_netvlad_begins_as_published(inputs: dict, outputs: dict) -> None:
    centroids, descriptors = inputs["init_centroids"].numpy(), inputs["init_descriptors"].numpy()
    alpha, _ = initial_assignment(centroids, descriptors)
    assert alpha == pytest.approx(float(outputs["init_alpha"]), rel=1e-6)
    layer = NetVLAD(8, 32)
    layer.initialise(centroids, descriptors)
    scale = np.abs(outputs["init_conv_weight"]).max()
    assert np.abs(layer.conv.weight.detach().numpy() - outputs["init_conv_weight"]).max() < 1e-5 * scale
    assert_equal(layer.centroids, outputs["init_param_centroids"])
    assert_equal(layer(inputs["x"]), outputs["init_netvlad"])


@pytest.mark.parametrize(
    "centroids",
    [
        pytest.param(np.ones((1, 3)), id="one"),
        pytest.param(np.ones((3, 3)), id="one direction"),
        pytest.param(np.array([[1.0, 0, 0], [0, 0, 0]]), id="no direction"),
    ],
)
def test_clusters_that_cannot_be_told_apart_are_refused(centroids: np.ndarray) -> None:
    with pytest.raises(DusklineError, match=f"{len(centroids)} clusters of 3 local features cannot be told"):
        initial_assignment(centroids, np.eye(3))


def test_gem_power_is_learnt() -> None:
    layer = GeM()
    layer(torch.rand(1, 3, 4, 4)).sum().backward()
    assert layer.p.grad is not None
    assert float(layer.p.grad) != 0
