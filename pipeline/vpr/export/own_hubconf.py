"""A model for visual place recognition, trained by duskline, for `torch.hub` without duskline: see README.md.

The file export.json beside this one lists the parts of the network, and weights.pt contains its weights.
"""

from __future__ import annotations

import json
import pathlib
import typing

import torch
from torch import nn
from torch.nn import functional


class _Renormalised(nn.Module):
    """Images normalised by ImageNet's mean and deviation, as the network needs them: (N, 3, H, W)."""

    scale: torch.Tensor
    shift: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(3, 1, 1))
        self.register_buffer("shift", torch.zeros(3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.shift


class _Last(nn.Module):
    """The last features of a network that returns a list of them: (N, 3, H, W) -> (N, C, h, w)."""

    def __init__(self, network: nn.Module, channels_last: bool) -> None:
        super().__init__()
        self.network = network
        self.channels_last = channels_last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.network(x)[-1]
        return features.permute(0, 3, 1, 2) if self.channels_last else features


class _GeM(nn.Module):
    """Generalised mean (Radenovic et al. 2018): (N, C, h, w) -> (N, C).

    l2: where vectors are made of unit length: before_pool, after_pool or none.
    """

    def __init__(self, l2: str) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.ones(1))
        self.l2 = l2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.l2 == "before_pool":
            x = functional.normalize(x)
        x = x.clamp(min=1e-6).pow(self.p).mean((2, 3), keepdim=True).pow(1.0 / self.p)
        if self.l2 == "after_pool":
            x = functional.normalize(x)
        return x.flatten(1)


class _NetVLAD(nn.Module):
    """Residuals to K clusters, softly assigned (Arandjelovic et al. 2016): (N, C, h, w) -> (N, K * C)."""

    def __init__(self, clusters: int, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, clusters, kernel_size=1, bias=False)
        self.centroids = nn.Parameter(torch.zeros(clusters, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.normalize(x)
        assignment = functional.softmax(self.conv(x).flatten(2), dim=1)
        sums = torch.bmm(assignment, x.flatten(2).transpose(1, 2).to(assignment.dtype))
        residuals = sums - assignment.sum(2).unsqueeze(2) * self.centroids
        return functional.normalize(functional.normalize(residuals, dim=2).flatten(1))


class _Sum(nn.Module):
    """Two networks whose descriptors of an image are added, and halved if `halved`."""

    def __init__(self, first: nn.Module, second: nn.Module, *, halved: bool) -> None:
        super().__init__()
        self.first = first
        self.second = second
        self.halved = halved

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        added = self.first(x) + self.second(x)
        return added / 2 if self.halved else added


def _stages(backbone: dict[str, typing.Any]) -> list[nn.Module]:
    """The modules from image to features, with random weights."""
    if backbone["library"] == "torchvision":
        import torchvision

        network = getattr(torchvision.models, backbone["network"])(weights=None)
        return [network.get_submodule(name) for name in backbone["stages"]]
    import timm

    options = dict(backbone["options"], out_indices=tuple(backbone["options"]["out_indices"]))
    network = timm.create_model(backbone["network"], pretrained=False, **options)
    stages = [network.get_submodule(name) for name in backbone["stages"]]
    return [_Renormalised(), *(stages or [_Last(network, backbone["channels_last"])])]


def _recogniser(backbone: dict[str, typing.Any], aggregation: dict[str, typing.Any]) -> nn.Module:
    last = _GeM(**aggregation["gem"]) if "gem" in aggregation else _NetVLAD(**aggregation["netvlad"])
    return nn.Sequential(nn.Sequential(*_stages(backbone)), last)


def _network(known: dict[str, typing.Any]) -> nn.Module:
    """The network described by export.json, with random weights."""
    first, *others = [_recogniser(backbone, known["aggregation"]) for backbone in known["backbones"]]
    return _Sum(first, *others, halved=known["halved"]) if others else first


def _load() -> nn.Module:
    folder = pathlib.Path(__file__).resolve().parent
    network = _network(json.loads((folder / "export.json").read_text(encoding="utf-8"))["network"])
    weights = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    # assign=True keeps the memory layout of the file, which decides how sums are rounded.
    network.load_state_dict(weights, assign=True)
    return network.eval()
