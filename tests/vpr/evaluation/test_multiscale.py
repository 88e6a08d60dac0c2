"""Multi-scale testing against the seed's own runs, and against the closed form for grids of any size."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.runtime.errors import ParameterError
from pipeline.vpr.evaluation.multiscale import Scaled, at_scales, averaged, coarser, concatenated
from pipeline.vpr.models.aggregation import GeM, NetVLAD, Pooled
from pipeline.vpr.models.descriptor_model import Ensemble, NetworkSettings, Recogniser, build_network
from tests.vpr.golden import golden_inputs, golden_outputs

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    return golden_inputs("multiscale")


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    return golden_outputs("multiscale")


class Prepared(nn.Module):
    """The golden's backbone: it knows the map of each size of image."""

    def __init__(self, inputs: dict[str, torch.Tensor]) -> None:
        super().__init__()
        sizes = {1: (480, 640), 2: (240, 320), 3: (160, 214), 4: (120, 160)}
        self.maps = {size: inputs[f"feat_step{step}"] for step, size in sizes.items()}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.maps[tuple(x.shape[2:])]


def vlad(inputs: dict[str, torch.Tensor]) -> NetVLAD:
    layer = NetVLAD(3, 4)
    layer.load_state_dict(
        {"conv.weight": inputs["netvlad_conv_weight"], "centroids": inputs["netvlad_centroids"]}
    )
    return layer


def recogniser(inputs: dict[str, torch.Tensor], aggregation: str) -> Recogniser:
    layer = vlad(inputs) if aggregation == "netvlad" else Pooled(GeM(), "before_pool")
    return Recogniser(Prepared(inputs), layer, 12 if aggregation == "netvlad" else 4)


PICTURES = torch.zeros(3, 3, 480, 640)


@pytest.mark.parametrize(
    ("combine", "name"), [("concatenation", "concat_combined"), ("average", "average_combined")]
)
def test_scales_are_combined_as_published(inputs: dict, outputs: dict, combine, name: str) -> None:
    found = Scaled(Prepared(inputs), combine)(PICTURES).numpy()
    assert np.array_equal(found, outputs[name])


@pytest.mark.parametrize("aggregation", ["gem", "netvlad"])
@pytest.mark.parametrize(("combine", "name"), [("concatenation", "concat"), ("average", "average")])
def test_descriptors_are_the_published_ones(
    inputs: dict, outputs: dict, combine, name: str, aggregation: str
) -> None:
    with torch.inference_mode():
        plain = recogniser(inputs, aggregation)
        scaled = at_scales(plain, combine)
        for network, golden in ((plain, f"plain_{aggregation}"), (scaled, f"{name}_{aggregation}")):
            wanted = outputs[f"{golden}_descriptors"]
            found = network(PICTURES).numpy()
            assert found.shape == wanted.shape
            assert np.abs(found - wanted).max() < TOLERANCE


@pytest.mark.parametrize("step", [2, 3, 4])
def test_coarser_copies_are_slices(inputs: dict, outputs: dict, step: int) -> None:
    assert np.array_equal(coarser(inputs["tiny_image"], step).numpy(), outputs[f"tiny_image_step{step}"])


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([(7, 5), (4, 3), (3, 2), (2, 2)], id="odd"),
        pytest.param([(3, 3), (1, 1), (1, 1), (1, 1)], id="ones"),
        pytest.param([(2, 2), (2, 2), (1, 2), (1, 1)], id="hardly smaller"),
        pytest.param([(60, 80), (30, 40), (20, 27), (15, 20)], id="larger than the paper's"),
    ],
)
def test_grids_of_any_size_are_averaged_by_the_closed_form(sizes: list[tuple[int, int]]) -> None:
    rng = torch.Generator().manual_seed(3)
    grids = [torch.rand(2, 3, *size, generator=rng) for size in sizes]
    found = averaged(grids)
    flat = [grid.flatten(2).numpy() for grid in grids]
    length = flat[0].shape[2]
    assert found.shape == (2, 3, length, 1)
    for k in range(length):
        wanted = flat[0][:, :, k]
        for smaller in flat[1:]:
            wanted = wanted + smaller[:, :, k % smaller.shape[2]]
        assert np.array_equal(found[:, :, k, 0].numpy(), wanted / np.float32(4))
    joined = concatenated(grids)
    assert joined.shape == (2, 3, sum(height * width for height, width in sizes), 1)
    assert torch.equal(joined[:, :, -1, 0], grids[-1][:, :, -1, -1])


@pytest.mark.parametrize("combine", ["concatenation", "average"])
def test_each_part_of_an_ensemble_combines_its_own_scales(
    combine: Literal["concatenation", "average"],
) -> None:
    torch.manual_seed(0)
    settings = NetworkSettings(
        "alexnet",
        "none",
        "all",
        "gem",
        l2="before_pool",
        ensemble="division",
        second_backbone="resnet18conv4",
    )
    network = build_network(settings).eval()
    assert isinstance(network, Ensemble)
    x = torch.rand(1, 3, 124, 160)
    with torch.inference_mode():
        found = at_scales(network, combine)(x)
        wanted = sum(at_scales(part, combine)(x) for part in network.parts) / 2
        assert torch.equal(found, wanted)
        assert not torch.allclose(found, network(x))


def test_pictures_whose_coarsest_copy_is_too_small_are_refused() -> None:
    settings = NetworkSettings("alexnet", "none", "all", "gem", l2="none")
    with torch.device("meta"):
        network = at_scales(build_network(settings), "average")
        with pytest.raises(ParameterError, match="of 32x24 pixels are too small") as caught:
            network(torch.rand(1, 3, 48, 64))
    assert "multi-scale testing also uses images of a quarter" in caught.value.hint
