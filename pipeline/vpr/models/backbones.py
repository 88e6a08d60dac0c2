"""Networks of torchvision and timm, cut at the layer whose features place recognition uses."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from pipeline.runtime.errors import MissingInputError, ParameterError
from pipeline.vpr.inputs.preprocessing import MEAN, STD
from pipeline.vpr.models.pretrained_weights import PACKAGED, PACKAGES, PUBLISHED, load_start, start_file
from pipeline.vpr.models.timm_backbones import cut_network, is_known, near_names

ALL = "all"
LATE_LAYERS = "late_layers"
# Parts of a network by name, in the order in which they are computed.
Stages = list[tuple[str, nn.Module]]


class Backbone(nn.Module):
    """Normalised images (N, 3, H, W) -> features (N, channels, about H / stride, about W / stride).

    `frozen` layers come first and are not trained; `learning` layers follow, and do not change the output of
    the frozen layers in place. If `still`, the frozen layers stay in eval mode, so that their features of an
    image never change; else their batch norm statistics are updated in train mode, as in the paper's
    benchmark. The stride is 16 for torchvision, 32 for conv5 of a ResNet. `ParameterError` for images with a
    side below `smallest` pixels, which are too small for any feature.
    """

    def __init__(
        self,
        frozen: nn.Module,
        learning: nn.Module,
        channels: int,
        smallest: int = 1,
        *,
        still: bool = False,
    ) -> None:
        super().__init__()
        self.frozen = frozen.requires_grad_(requires_grad=False)
        self.learning = learning
        self.channels = channels
        self.smallest = smallest
        self.still = still
        self.train(self.training)

    def train(self, mode: bool = True) -> Backbone:
        """Set train or eval mode; `still` layers stay in eval mode."""
        super().train(mode)
        if self.still:
            self.frozen.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch."""
        if min(x.shape[2:]) < self.smallest:
            raise ParameterError(
                f"images of {x.shape[3]}x{x.shape[2]} pixels are too small for this backbone, which needs"
                f" at least {self.smallest} on each side",
                hint="raise height and width; multi-scale testing also uses images of a quarter of that size",
            )
        features: Tensor = self.learning(self.frozen(x))
        return features


class Renormalised(nn.Module):
    """Change images from ImageNet's normalisation to that of another network: (N, 3, H, W).

    The two numbers per channel are saved with the weights, which were trained on such images.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        channels = list(zip(MEAN, STD, mean, std, strict=True))
        scale = [ours / theirs for _, ours, _, theirs in channels]
        shift = [(ours - theirs) / deviation for ours, _, theirs, deviation in channels]
        self.register_buffer("scale", torch.tensor(scale)[:, None, None])
        self.register_buffer("shift", torch.tensor(shift)[:, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Multiply and add; with equal normalisations all values stay the same."""
        return x * self.scale + self.shift


@dataclass(frozen=True)
class Architecture:
    """A network of torchvision, its cut, and its trainable layers.

    layers: those up to the cut, by name. late: how many of the last ones are trained with "late_layers".
    channels: of the features. smallest: smallest side of an image, pixels.
    """

    network: Callable[..., nn.Module]
    imagenet: WeightsEnum
    layers: Callable[[nn.Module], Stages]
    late: int
    channels: int
    smallest: int = 1


def _through_conv4(resnet: nn.Module) -> Stages:
    return list(resnet.named_children())[:-3]


def _through_conv5(resnet: nn.Module) -> Stages:
    return list(resnet.named_children())[:-2]


def _without_last_relu_and_pooling(network: nn.Module) -> Stages:
    layers = network.get_submodule("features").named_children()
    return [(f"features.{name}", layer) for name, layer in layers][:-2]


_MODELS = torchvision.models
_RESNET18 = _MODELS.resnet18, _MODELS.ResNet18_Weights.IMAGENET1K_V1
_RESNET50 = _MODELS.resnet50, _MODELS.ResNet50_Weights.IMAGENET1K_V1
_ALEXNET = _MODELS.alexnet, _MODELS.AlexNet_Weights.IMAGENET1K_V1
_VGG16 = _MODELS.vgg16, _MODELS.VGG16_Weights.IMAGENET1K_V1

# Cut and frozen as in the Deep Visual Geo-localization Benchmark. "late_layers": in a ResNet conv4 (layer3)
# and what follows, in AlexNet all but the first 5 layers, in VGG-16 the last 5.
BACKBONES: dict[str, Architecture] = {
    "resnet18conv4": Architecture(*_RESNET18, _through_conv4, late=1, channels=256),
    "resnet18conv5": Architecture(*_RESNET18, _through_conv5, late=2, channels=512),
    "resnet50conv4": Architecture(*_RESNET50, _through_conv4, late=1, channels=1024),
    "resnet50conv5": Architecture(*_RESNET50, _through_conv5, late=2, channels=2048),
    "alexnet": Architecture(*_ALEXNET, _without_last_relu_and_pooling, late=6, channels=256, smallest=31),
    "vgg16": Architecture(*_VGG16, _without_last_relu_and_pooling, late=5, channels=512, smallest=16),
}


def build_backbone(name: str, weights: str, trainable: str, stride: int | None = None) -> Backbone:
    """Build the backbone `name`: one of `BACKBONES`, or timm's network up to its last features of `stride`.

    weights: "none" (random, from torch's generator), "imagenet" (downloaded on first use), "packaged", or the
    path of a file; see pretrained_weights.py. trainable: "all", the "late_layers" of one of `BACKBONES`, or
    the name of the first stage that learns.
    `ParameterError` for an unknown name, `MissingInputError` when the weights are not available, and
    `CheckpointError` for a file with other weights.
    """
    if name in BACKBONES:
        return _of_torchvision(name, weights, trainable, stride)
    if not is_known(name):
        near = near_names(name)
        nearest = f" (similar names: {', '.join(near)})" if near else ""
        raise ParameterError(
            f"unknown backbone {name!r}; known are {', '.join(BACKBONES)}, and all networks of timm{nearest}",
            hint="list those of timm: python -c 'import timm; print(*timm.list_models())'",
        )
    file = start_file(weights, name)
    network = cut_network(name, stride, published=weights == PUBLISHED)
    mean, std = network.mean, network.std
    if file is not None:
        load_start(network.stages, file, ordered=weights == PACKAGED)
    if weights == PACKAGED:
        mean, std = PACKAGES[name].mean, PACKAGES[name].std
    first = _first_learning(name, network.stages, trainable, late=None)
    frozen, learning = _parted(network.stages, first)
    frozen.insert(0, Renormalised(mean, std))
    return Backbone(frozen, learning, network.channels, stride or 1, still=True)


def _of_torchvision(name: str, weights: str, trainable: str, stride: int | None) -> Backbone:
    if stride is not None:
        raise ParameterError(
            f"backbone {name} has a fixed stride, but stride is {stride}",
            hint="leave stride out, or set it to null: only networks of timm use it",
        )
    architecture = BACKBONES[name]
    file = start_file(weights, name)
    try:
        network = architecture.network(weights=architecture.imagenet if weights == PUBLISHED else None)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        if weights != PUBLISHED:
            raise
        raise MissingInputError(
            f"the ImageNet weights of {name} could not be downloaded: {error}",
            hint="connect to the network once (torch keeps them in TORCH_HOME), or set weights: none",
        ) from error
    stages = architecture.layers(network)
    if file is not None:
        load_start(stages, file, ordered=False)
    first = _first_learning(name, stages, trainable, architecture.late)
    frozen, learning = _parted(stages, first)
    still = trainable not in (ALL, LATE_LAYERS)
    return Backbone(frozen, learning, architecture.channels, architecture.smallest, still=still)


def _first_learning(name: str, stages: Stages, trainable: str, late: int | None) -> int:
    """How many stages are frozen."""
    if trainable == ALL:
        return 0
    if trainable == LATE_LAYERS and late is not None:
        return len(stages) - late
    names = [stage for stage, _ in stages]
    if names == [""]:
        raise ParameterError(
            f"backbone {name} of timm is not a sequence of stages, so training cannot start at {trainable}",
            hint="set trainable: all",
        )
    if trainable in names:
        return names.index(trainable)
    late_layers = "" if late is None else " or late_layers"
    raise ParameterError(
        f"backbone {name} has no stage {trainable!r}; its stages are {', '.join(names)}",
        hint=f"set trainable to all{late_layers}, or to the first stage to train",
    )


def _parted(stages: Stages, first: int) -> tuple[nn.Sequential, nn.Sequential]:
    modules = [module for _, module in stages]
    if first and getattr(modules[first], "inplace", False) is True:
        # An in-place layer would change the output of the frozen layers, which may be kept.
        modules[first].inplace = False  # type: ignore[assignment]
    return nn.Sequential(*modules[:first]), nn.Sequential(*modules[first:])
