"""The recogniser: a backbone and an aggregation, and the file that keeps it."""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pipeline.core.errors import DusklineError, MissingInputError, ParameterError
from pipeline.core.files import written_beside
from pipeline.core.params import build
from pipeline.vpr.aggregation import GeM, NetVLAD, Pooled
from pipeline.vpr.backbones import Backbone, build_backbone

_FORMAT = "duskline recogniser 1"


@dataclass(frozen=True)
class NetworkSettings:
    """What a recogniser consists of.

    backbone: its name. weights: "imagenet" or "none" (drawn). trainable: "all" layers learn, or those
    "from_conv4" on. aggregation: "netvlad" with `clusters`, or "gem" with L2 normalisation `l2`.
    """

    backbone: str
    weights: Literal["imagenet", "none"]
    trainable: Literal["all", "from_conv4"]
    aggregation: Literal["netvlad", "gem"]
    clusters: int | None = None
    l2: Literal["before_pool", "after_pool", "none"] | None = None


class Recogniser(nn.Module):
    """Normalised pictures (N, 3, H, W) -> descriptors (N, descriptor_size)."""

    def __init__(self, backbone: Backbone, aggregation: nn.Module, descriptor_size: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.aggregation = aggregation
        self.descriptor_size = descriptor_size

    def forward(self, x: Tensor) -> Tensor:
        """Descriptors of a batch."""
        descriptors: Tensor = self.aggregation(self.backbone(x))
        return descriptors


def build_network(settings: NetworkSettings) -> Recogniser:
    """Build a recogniser; what has no weights yet is drawn from torch's generator."""
    backbone = build_backbone(settings.backbone, settings.weights, settings.trainable)
    channels = backbone.channels
    if settings.aggregation == "netvlad":
        if settings.clusters is None:
            raise ParameterError("netvlad needs clusters")
        vlad = NetVLAD(settings.clusters, channels)
        return Recogniser(backbone, vlad, settings.clusters * channels)
    if settings.l2 is None:
        raise ParameterError("gem needs l2")
    return Recogniser(backbone, Pooled(GeM(), settings.l2), channels)


def save_model(path: Path, network: Recogniser, settings: NetworkSettings, record: dict[str, Any]) -> None:
    """Write weights, settings and `record` (plain values) to one file, whole or not at all."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    document = {"format": _FORMAT, "settings": asdict(settings), "record": record, "weights": weights}
    with written_beside(path) as stream:
        torch.save(document, stream)


def load_model(path: Path) -> tuple[Recogniser, NetworkSettings, dict[str, Any]]:
    """Read a file of `save_model`; nothing is downloaded, and no code in it is run."""
    document = _read(path)
    settings = build(NetworkSettings, document["settings"], str(path))
    network = build_network(_undrawn(settings))
    try:
        network.load_state_dict(document["weights"])
    except RuntimeError as error:
        raise DusklineError(f"{path} does not hold the weights of its own settings: {error}") from error
    return network, settings, document["record"]


def _undrawn(settings: NetworkSettings) -> NetworkSettings:
    """The same network, with no ImageNet weights to be fetched for it."""
    return NetworkSettings(**(asdict(settings) | {"weights": "none"}))


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise MissingInputError(f"no such model: {path}")
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DusklineError(f"{path} cannot be read as a model: {reason}") from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise DusklineError(f"{path} is no recogniser that duskline has trained")
    return document
