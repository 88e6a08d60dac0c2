from __future__ import annotations

import contextlib

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network
from pipeline.vpr.retrieval.batchnorm_folding import folded_eval_mode, folded_train_mode
from pipeline.vpr.training.step import batch_norms


def moved(network: nn.Module) -> nn.Module:
    """Give every batch norm statistics and weights that are not those of its beginning."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.running_mean, module.running_var, module.weight, module.bias):
                value.data.uniform_(0.5, 1.5)
    return network


def test_the_recogniser_computes_the_same_and_is_as_it_was_afterwards() -> None:
    network = moved(build_network(NetworkSettings("resnet18conv4", "none", "late_layers", "netvlad", 4)))
    names = list(network.state_dict())
    images = torch.randn(2, 3, 64, 96)
    network.train()
    with folded_eval_mode(network), torch.inference_mode():
        found = network(images)
        folded = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert folded == []
    assert list(network.state_dict()) == names
    assert all(module.training for module in network.modules())
    with torch.inference_mode():
        torch.testing.assert_close(found, network.eval()(images), rtol=0, atol=1e-5)


def test_only_what_is_known_to_follow_in_order_is_folded() -> None:
    class Turned(nn.Module):
        """Its batch norm comes first, though it is named last."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.norm = nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.norm(x))

    network = moved(nn.Sequential(Turned()))
    images = torch.randn(2, 3, 8, 8)
    wanted = network.eval()(images)
    with folded_eval_mode(network):
        torch.testing.assert_close(network(images), wanted)


def test_an_error_leaves_the_network_as_it_was() -> None:
    network = resnet18().train()
    before = list(network.modules())
    with pytest.raises(ZeroDivisionError), folded_eval_mode(network):
        raise ZeroDivisionError
    assert list(network.modules()) == before
    assert network.bn1.training


class Activated(nn.BatchNorm2d):
    """A kind of batch norm that does something else besides."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).relu()


class Standardised(nn.Conv2d):
    """A kind of convolution that does something else before."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._conv_forward(x, self.weight / self.weight.std(), self.bias)


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(nn.Conv2d(3, 4, 3), Activated(4)),
        nn.Sequential(Standardised(3, 4, 3), nn.BatchNorm2d(4)),
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)),
    ],
    ids=["activated", "standardised", "without-statistics"],
)
def test_kinds_of_layers_are_left_alone(network: nn.Sequential) -> None:
    x = torch.rand(2, 3, 8, 8)
    if network[1].running_mean is not None:
        moved(network)
    with torch.no_grad():
        wanted = network.eval()(x)
        with folded_eval_mode(network):
            torch.testing.assert_close(network(x), wanted)


@pytest.mark.parametrize(
    ("backbone", "weights", "stride"),
    [("resnet18conv4", "none", None), ("tf_efficientnet_lite0", "packaged", 16)],
)
def test_what_learns_gets_the_same_gradients(backbone: str, weights: str, stride: int | None) -> None:
    settings = NetworkSettings(backbone, weights, "all", "netvlad", 4, stride=stride)
    network = moved(build_network(settings)).train()
    for norm in batch_norms(network):
        norm.eval()
    images = torch.randn(2, 3, 64, 96)
    found = []
    for context in (contextlib.nullcontext(), folded_train_mode(network)):
        network.zero_grad()
        with context:
            descriptors = network(images)
        (descriptors[0] @ descriptors[1]).backward()
        found.append([descriptors.detach(), *(value.grad for value in network.parameters())])
    for plain, folded in zip(*found, strict=True):
        torch.testing.assert_close(folded, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()) + 1e-7)


def test_a_batch_norm_that_learns_is_not_folded() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    layers = list(network)
    with folded_train_mode(network):
        assert list(network) == layers
    network[1].eval()
    with folded_train_mode(network):
        assert type(network[1]) is nn.Identity
    assert list(network) == layers
