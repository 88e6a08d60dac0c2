"""Two recognisers as one, against the published ensembles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.core.params import build
from pipeline.runtime.errors import CheckpointError, ParameterError
from pipeline.vpr.models.aggregation import GeM, NetVLAD, Pooled
from pipeline.vpr.models.descriptor_model import (
    Ensemble,
    NetworkSettings,
    Recogniser,
    build_network,
    load_model,
    save_model,
)
from pipeline.vpr.retrieval.nearest_neighbours import nearest
from tests.vpr.golden import golden_inputs, golden_outputs

TOLERANCE = 1e-5
PAPER = NetworkSettings(
    "alexnet", "none", "all", "netvlad", clusters=4, ensemble="addition", second_backbone="resnet18conv4"
)


@pytest.fixture(scope="module")
def inputs() -> dict[str, torch.Tensor]:
    return golden_inputs("ensemble")


@pytest.fixture(scope="module")
def outputs() -> dict[str, np.ndarray]:
    return golden_outputs("ensemble")


def part(inputs: dict[str, torch.Tensor], number: int, aggregation: str) -> Recogniser:
    stride = 4 * number
    conv = nn.Conv2d(3, 6, stride, stride=stride, bias=False)
    conv.load_state_dict({"weight": inputs[f"backbone{number}_weight"]})
    backbone = nn.Sequential(conv, nn.ReLU())
    if aggregation == "gem":
        return Recogniser(backbone, Pooled(GeM(), "before_pool"), 6)
    vlad = NetVLAD(4, 6)
    vlad.load_state_dict(
        {"conv.weight": inputs[f"vlad{number}_conv"], "centroids": inputs[f"vlad{number}_centroids"]}
    )
    return Recogniser(backbone, vlad, 24)


@pytest.mark.parametrize("aggregation", ["gem", "netvlad"])
def test_the_ensembles_are_the_published_ones(inputs: dict, outputs: dict, aggregation: str) -> None:
    first, second = part(inputs, 1, aggregation), part(inputs, 2, aggregation)
    found = {
        "model1": first,
        "model2": second,
        "addition": Ensemble(first, second, "addition"),
        "division_intended": Ensemble(first, second, "division"),
    }
    for name, network in found.items():
        wanted = outputs[f"{aggregation}_{name}"]
        with torch.inference_mode():
            descriptors = network(inputs["image"]).numpy()
        assert descriptors.shape == wanted.shape
        assert np.abs(descriptors - wanted).max() < TOLERANCE, name


def test_halving_changes_no_ranking(inputs: dict) -> None:
    first, second = part(inputs, 1, "netvlad"), part(inputs, 2, "netvlad")
    pictures = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(5))
    found = []
    for how in ("addition", "division"):
        with torch.inference_mode():
            descriptors = Ensemble(first, second, how)(pictures).numpy()
        found.append(nearest(descriptors[:30], descriptors[30:], 30)[1])
    assert np.array_equal(*found)


def test_each_part_has_weights_of_its_own_and_all_of_them_learn() -> None:
    network = build_network(PAPER).train()
    assert network.descriptor_size == 4 * 256
    first, second = network.parts
    assert not torch.equal(first.aggregation.centroids, second.aggregation.centroids)
    network(torch.rand(2, 3, 64, 64)).square().sum().backward()
    assert all(value.grad is not None for value in network.parameters())


def test_descriptors_of_two_lengths_are_refused() -> None:
    unequal = NetworkSettings(
        "alexnet", "none", "all", "gem", l2="none", ensemble="division", second_backbone="resnet50conv4"
    )
    with (
        torch.device("meta"),
        pytest.raises(ParameterError, match="must have one length, found 256 and 1024") as caught,
    ):
        build_network(unequal)
    assert "resnet18conv4" in caught.value.hint


@pytest.mark.parametrize(
    "change", [{"ensemble": None}, {"second_backbone": None}], ids=["no ensemble", "no second backbone"]
)
def test_half_an_ensemble_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match="go together: set both or neither"):
        build(NetworkSettings, PAPER.__dict__ | change, "model.pt")


def test_it_says_in_words_what_it_does() -> None:
    assert PAPER.combination == "descriptors of alexnet and resnet18conv4 added"
    halved = build(NetworkSettings, PAPER.__dict__ | {"ensemble": "division"}, "x")
    assert halved.combination == "descriptors of alexnet and resnet18conv4 added and halved"
    alone = build(NetworkSettings, PAPER.__dict__ | {"ensemble": None, "second_backbone": None}, "x")
    assert alone.combination is None


def test_a_saved_ensemble_is_loaded_as_it_was(tmp_path: Path) -> None:
    network = build_network(PAPER).eval()
    save_model(tmp_path / "model.pt", network, PAPER, {})
    loaded, settings, _ = load_model(tmp_path / "model.pt")
    x = torch.rand(1, 3, 64, 64)
    assert settings == PAPER
    assert torch.equal(network(x), loaded.eval()(x))


def test_the_weights_of_one_network_are_no_ensemble(tmp_path: Path) -> None:
    alone = build(NetworkSettings, PAPER.__dict__ | {"ensemble": None, "second_backbone": None}, "x")
    save_model(tmp_path / "model.pt", build_network(alone), PAPER, {})
    with pytest.raises(CheckpointError, match="do not match its settings"):
        load_model(tmp_path / "model.pt")
