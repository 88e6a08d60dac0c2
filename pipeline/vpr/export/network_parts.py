"""What a recogniser of ours consists of, as plain values that own_hubconf.py builds it from."""

from __future__ import annotations

from typing import Any

import torch

from pipeline.vpr.models.backbones import BACKBONES
from pipeline.vpr.models.descriptor_model import Network, NetworkSettings
from pipeline.vpr.models.timm_backbones import cut_network


def network_parts(settings: NetworkSettings, network: Network) -> dict[str, Any]:
    """The parts of `network`, which has these settings, for a JSON document.

    backbones: one or two, each with its library, the network's name there and the names of its modules up to
    the cut; of timm's also by which options it is made, and no names where it is used as a whole.
    aggregation: its kind, and what that is made with. halved: whether the sum of two is.
    """
    if settings.aggregation == "netvlad":
        channels = network.descriptor_size // (settings.clusters or 1)
        aggregation: dict[str, Any] = {"netvlad": {"clusters": settings.clusters, "channels": channels}}
    else:
        aggregation = {"gem": {"l2": settings.l2}}
    return {
        "backbones": [_backbone(name, settings.stride) for name in settings.backbones],
        "aggregation": aggregation,
        "halved": settings.ensemble == "division",
    }


def libraries(settings: NetworkSettings) -> list[str]:
    """The packages that its backbones come from."""
    return sorted({"torchvision" if name in BACKBONES else "timm" for name in settings.backbones})


def _backbone(name: str, stride: int | None) -> dict[str, Any]:
    with torch.device("meta"):
        if name in BACKBONES:
            make, cut = BACKBONES[name].network, BACKBONES[name].layers
            stages = [stage for stage, _ in cut(make(weights=None))]
            return {"library": "torchvision", "network": make.__name__, "stages": stages}
        timms = cut_network(name, stride, published=False)
    # Modules of timm have other names in the network than in the files of its weights.
    names = {module: place for place, module in timms.network.named_modules()}
    return {
        "library": "timm",
        "network": name,
        "options": timms.options,
        "stages": [names[module] for _, module in timms.stages if module in names],
        "channels_last": timms.channels_last,
    }
