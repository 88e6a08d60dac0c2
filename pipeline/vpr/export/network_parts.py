"""The parts of a model trained by duskline, as plain values that own_hubconf.py builds it from."""

from __future__ import annotations

from typing import Any

import torch

from pipeline.vpr.models.backbones import BACKBONES
from pipeline.vpr.models.descriptor_model import Network, NetworkSettings
from pipeline.vpr.models.timm_backbones import cut_network


def network_parts(settings: NetworkSettings, network: Network) -> dict[str, Any]:
    """The parts of `network`, which has these settings, for a JSON document.

    backbones: one or two, each with its library, the name of the network there and the names of its modules
    up to the cut; for timm also its options, and no module names if the network is used as a whole.
    aggregation: its kind and arguments. halved: whether the sum of two descriptors is halved.
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
