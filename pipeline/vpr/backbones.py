"""Convolutional networks of torchvision, cut where place recognition takes their features."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torchvision
from torch import Tensor, nn
from torchvision.models import WeightsEnum

from pipeline.core.errors import MissingInputError, ParameterError

Trainable = Literal["all", "late_layers"]


class Backbone(nn.Module):
    """Normalised pictures (N, 3, H, W) -> features (N, channels, about H / 16, about W / 16).

    `frozen` layers come first and learn nothing (their batch norm statistics still move in train mode);
    `learning` ones follow. conv5 of a ResNet halves the sides once more. `ParameterError` for pictures with a
    side below `smallest` pixels, of which no feature is left.
    """

    def __init__(self, frozen: nn.Module, learning: nn.Module, channels: int, smallest: int = 1) -> None:
        super().__init__()
        self.frozen = frozen.requires_grad_(requires_grad=False)
        self.learning = learning
        self.channels = channels
        self.smallest = smallest

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch."""
        if min(x.shape[2:]) < self.smallest:
            raise ParameterError(
                f"pictures of {x.shape[3]}x{x.shape[2]} pixels are too small for this backbone: it needs"
                f" {self.smallest} on each side",
                hint="raise height and width; multi-scale testing shows it quarters of them",
            )
        features: Tensor = self.learning(self.frozen(x))
        return features


@dataclass(frozen=True)
class Architecture:
    """A network of torchvision, where it is cut, and what of it learns.

    layers: those up to the cut. late: so many of them learn where only the late layers do.
    channels: of the features. smallest: pixels of a side of the smallest picture.
    """

    network: Callable[..., nn.Module]
    imagenet: WeightsEnum
    layers: Callable[[nn.Module], list[nn.Module]]
    late: int
    channels: int
    smallest: int = 1


def _through_conv4(resnet: nn.Module) -> list[nn.Module]:
    return list(resnet.children())[:-3]


def _through_conv5(resnet: nn.Module) -> list[nn.Module]:
    return list(resnet.children())[:-2]


def _without_last_relu_and_pooling(network: nn.Module) -> list[nn.Module]:
    return list(network.features)[:-2]  # type: ignore[arg-type]


_MODELS = torchvision.models
_RESNET18 = _MODELS.resnet18, _MODELS.ResNet18_Weights.IMAGENET1K_V1
_RESNET50 = _MODELS.resnet50, _MODELS.ResNet50_Weights.IMAGENET1K_V1
_ALEXNET = _MODELS.alexnet, _MODELS.AlexNet_Weights.IMAGENET1K_V1
_VGG16 = _MODELS.vgg16, _MODELS.VGG16_Weights.IMAGENET1K_V1

# Cut and frozen as in the Deep Visual Geo-localization Benchmark. "late_layers" are of a ResNet conv4 (its
# layer3) and what follows, of AlexNet all but its first 5 layers, of VGG-16 its last 5.
BACKBONES: dict[str, Architecture] = {
    "resnet18conv4": Architecture(*_RESNET18, _through_conv4, late=1, channels=256),
    "resnet18conv5": Architecture(*_RESNET18, _through_conv5, late=2, channels=512),
    "resnet50conv4": Architecture(*_RESNET50, _through_conv4, late=1, channels=1024),
    "resnet50conv5": Architecture(*_RESNET50, _through_conv5, late=2, channels=2048),
    "alexnet": Architecture(*_ALEXNET, _without_last_relu_and_pooling, late=6, channels=256, smallest=31),
    "vgg16": Architecture(*_VGG16, _without_last_relu_and_pooling, late=5, channels=512, smallest=16),
}


def build_backbone(name: str, weights: Literal["imagenet", "none"], trainable: Trainable) -> Backbone:
    """Build the backbone `name`; "imagenet" weights are downloaded by torchvision on first use.

    `ParameterError` for an unknown name, `MissingInputError` when the weights cannot be had.
    """
    if name not in BACKBONES:
        raise ParameterError(f"unknown backbone {name!r}; known are {', '.join(BACKBONES)}")
    architecture = BACKBONES[name]
    try:
        network = architecture.network(weights=architecture.imagenet if weights == "imagenet" else None)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        if weights == "none":
            raise
        raise MissingInputError(
            f"the ImageNet weights of {name} could not be downloaded: {error}",
            hint="connect to the network once (torch keeps them in TORCH_HOME), or set weights: none",
        ) from error
    layers = architecture.layers(network)
    first = len(layers) - architecture.late if trainable == "late_layers" else 0
    return Backbone(
        nn.Sequential(*layers[:first]),
        nn.Sequential(*layers[first:]),
        architecture.channels,
        architecture.smallest,
    )
