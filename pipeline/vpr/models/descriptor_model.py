"""The VPR model: a backbone and an aggregation, or an ensemble of two, and its file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors
from pipeline.core.files import atomic_write
from pipeline.core.params import build
from pipeline.runtime.errors import CheckpointError, MissingInputError, ParameterError
from pipeline.vpr.models.aggregation import GeM, NetVLAD, Pooled
from pipeline.vpr.models.backbones import BACKBONES, build_backbone

_FORMAT = "duskline recogniser 1"
_PARTS = ("settings", "record", "weights")
_TRAIN = "use a model.pt written by a training run"
_AGAIN = "the file may be damaged or only partly copied: get it again, or train the model again"


@dataclass(frozen=True)
class NetworkSettings:
    """The parts of a model.

    backbone: its name; weights: initial weights; trainable: layers that are trained; stride: for timm, null
    for torchvision; see `build_backbone`. aggregation: "netvlad" with `clusters`, or "gem" with L2
    normalisation `l2`. ensemble: how the descriptors of `backbone` and `second_backbone` are combined, see
    `Ensemble`; null for a single backbone. All settings apply to both backbones, except that only a timm
    network uses the stride.
    """

    backbone: str
    weights: str
    trainable: str
    aggregation: Literal["netvlad", "gem"]
    clusters: int | None = None
    l2: Literal["before_pool", "after_pool", "none"] | None = None
    ensemble: Literal["addition", "division"] | None = None
    second_backbone: str | None = None
    stride: int | None = None

    def __post_init__(self) -> None:
        if (self.ensemble is None) != (self.second_backbone is None):
            raise ValueError(
                f"ensemble ({self.ensemble}) and second_backbone ({self.second_backbone}) go together: set"
                " both or neither"
            )

    @property
    def backbones(self) -> tuple[str, ...]:
        """The names of the one or two backbones."""
        return (self.backbone,) if self.second_backbone is None else (self.backbone, self.second_backbone)

    @property
    def combination(self) -> str | None:
        """How the descriptors of two backbones are combined, in words; None for one backbone."""
        if self.ensemble is None:
            return None
        halved = " and halved" if self.ensemble == "division" else ""
        return f"descriptors of {self.backbone} and {self.second_backbone} added{halved}"


class Recogniser(nn.Module):
    """Normalised images (N, 3, H, W) -> descriptors (N, descriptor_size).

    `backbone` computes features (N, C, h, w).
    """

    def __init__(self, backbone: nn.Module, aggregation: nn.Module, descriptor_size: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.aggregation = aggregation
        self.descriptor_size = descriptor_size

    def forward(self, x: Tensor) -> Tensor:
        """Descriptors of a batch."""
        descriptors: Tensor = self.aggregation(self.backbone(x))
        return descriptors

    @property
    def parts(self) -> tuple[Recogniser, ...]:
        """Its models: itself."""
        return (self,)


class Ensemble(nn.Module):
    """Two models on the same images: (N, 3, H, W) -> descriptors (N, descriptor_size).

    "addition" adds their descriptors, "division" also halves the sum; neither normalises it. Both give the
    same ranking, but train differently, because the margin of the loss is the same. Source: the paper, Table
    IV. `ParameterError` when the two descriptors differ in length.
    """

    def __init__(self, first: Recogniser, second: Recogniser, how: Literal["addition", "division"]) -> None:
        super().__init__()
        if first.descriptor_size != second.descriptor_size:
            raise ParameterError(
                f"both descriptors of an ensemble must have one length, found {first.descriptor_size} and"
                f" {second.descriptor_size}",
                hint="use two backbones with the same number of channels, such as alexnet and resnet18conv4",
            )
        self.first = first
        self.second = second
        self.how = how
        self.descriptor_size = first.descriptor_size

    def forward(self, x: Tensor) -> Tensor:
        """Descriptors of a batch."""
        added: Tensor = self.first(x) + self.second(x)
        return added / 2 if self.how == "division" else added

    @property
    def parts(self) -> tuple[Recogniser, ...]:
        """Its two models."""
        return (self.first, self.second)


Network = Recogniser | Ensemble


def build_network(settings: NetworkSettings) -> Network:
    """Build a model or an ensemble; weights without a source are random, from torch's generator."""
    first = _recogniser(settings, settings.backbone)
    if settings.ensemble is None or settings.second_backbone is None:
        return first
    return Ensemble(first, _recogniser(settings, settings.second_backbone), settings.ensemble)


def _recogniser(settings: NetworkSettings, name: str) -> Recogniser:
    # In an ensemble with a timm network, a torchvision network has its own fixed stride.
    own = name in BACKBONES and any(other not in BACKBONES for other in settings.backbones)
    backbone = build_backbone(name, settings.weights, settings.trainable, None if own else settings.stride)
    channels = backbone.channels
    if settings.aggregation == "netvlad":
        if settings.clusters is None or settings.clusters < 2:
            raise ParameterError(
                f"netvlad needs at least 2 clusters, found {settings.clusters}",
                hint="set clusters: 64, as in the published networks",
            )
        vlad = NetVLAD(settings.clusters, channels)
        return Recogniser(backbone, vlad, settings.clusters * channels)
    if settings.l2 is None:
        raise ParameterError("gem needs l2", hint="set it to before_pool, after_pool or none")
    return Recogniser(backbone, Pooled(GeM(), settings.l2), channels)


def save_model(path: Path, network: Network, settings: NetworkSettings, record: dict[str, Any]) -> None:
    """Write weights, settings and `record` (plain values) atomically to one file."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    kept = {name: value for name, value in asdict(settings).items() if (name, value) != ("stride", None)}
    document = {"format": _FORMAT, "settings": kept, "record": record, "weights": weights}
    with atomic_write(path) as stream:
        torch.save(document, stream)


def load_model(path: Path) -> tuple[Network, NetworkSettings, dict[str, Any]]:
    """Read a file of `save_model`: nothing is downloaded, and no code in it is run.

    `MissingInputError` without a file; `CheckpointError` for a damaged file, another kind of file, or weights
    that do not match its settings; `ParameterError` for unknown settings.
    """
    document = _read(path)
    settings = build(NetworkSettings, document["settings"], str(path))
    bare = replace(settings, weights="none")
    with torch.device("meta"):
        network = build_network(bare)
    weights = document["weights"]
    _require_weights(weights, network.state_dict(), path)
    network.load_state_dict(weights, assign=True)
    if any(value.is_meta for value in network.buffers()):
        # Some networks of timm have constants outside the state dict, which the meta device does not compute.
        with torch.random.fork_rng(devices=[]):
            network = build_network(bare)
        network.load_state_dict(weights)
    return network, settings, document["record"]


def read_record(path: Path) -> tuple[NetworkSettings, dict[str, Any]]:
    """Read settings and record of a file of `save_model` without its weights; errors as `load_model`."""
    document = _read(path, mapped=True)
    return build(NetworkSettings, document["settings"], str(path)), document["record"]


def _read(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    if not path.is_file():
        raise MissingInputError(f"no such model: {path}", hint=_TRAIN)
    try:
        document = load_tensors(path, mapped=mapped)
    except DAMAGE as error:
        raise CheckpointError(
            f"{path} cannot be read as a model: {first_line(error)}", hint=_AGAIN
        ) from error
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise CheckpointError(f"{path} is not a model trained by duskline", hint=_TRAIN)
    for part in _PARTS:
        if not isinstance(document.get(part), dict):
            found = type(document[part]).__name__ if part in document else "nothing"
            raise CheckpointError(f"{path}: expected a dict as its {part}, found {found}", hint=_AGAIN)
    return document


def _require_weights(weights: dict[str, Any], expected: dict[str, Tensor], path: Path) -> None:
    """Require exactly the tensors of the network, with their shapes and types, and all finite."""
    different = sorted(map(str, expected.keys() ^ weights.keys()))
    if different:
        raise CheckpointError(
            f"the weights in {path} do not match its settings: {len(different)} missing or unknown, the first"
            f" is {different[0]}",
            hint=_TRAIN,
        )
    for name in sorted(expected):
        value, wanted = weights[name], expected[name]
        if not isinstance(value, Tensor) or (value.shape, value.dtype) != (wanted.shape, wanted.dtype):
            raise CheckpointError(
                f"the weights in {path} do not match its settings: {name}: expected {_kind(wanted)}, found"
                f" {_kind(value)}",
                hint=_TRAIN,
            )
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{path}: {name} has values that are NaN or infinite", hint=_AGAIN)


def _kind(value: Any) -> str:
    if not isinstance(value, Tensor):
        return type(value).__name__
    return f"{tuple(value.shape)} of {str(value.dtype).removeprefix('torch.')}"
