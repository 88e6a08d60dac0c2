"""Convolutional networks of torchvision, cut where place recognition takes their features."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Literal

import torchvision
from torch import Tensor, nn

from pipeline.core.errors import MissingInputError, ParameterError


class Backbone(nn.Module):
    """Normalised pictures (N, 3, H, W) -> features (N, channels, about H / 16, about W / 16).

    `frozen` layers come first and learn nothing (their batch norm statistics still move in train mode);
    `learning` ones follow.
    """

    def __init__(self, frozen: nn.Module, learning: nn.Module, channels: int) -> None:
        super().__init__()
        self.frozen = frozen.requires_grad_(requires_grad=False)
        self.learning = learning
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch."""
        features: Tensor = self.learning(self.frozen(x))
        return features


def _resnet18conv4(weights: Literal["imagenet", "none"], trainable: Literal["all", "from_conv4"]) -> Backbone:
    chosen = torchvision.models.ResNet18_Weights.IMAGENET1K_V1 if weights == "imagenet" else None
    layers = list(torchvision.models.resnet18(weights=chosen).children())[:-3]
    # The last of the seven is layer3, where conv4 is.
    first = len(layers) - 1 if trainable == "from_conv4" else 0
    return Backbone(nn.Sequential(*layers[:first]), nn.Sequential(*layers[first:]), 256)


BACKBONES: dict[str, Callable[..., Backbone]] = {"resnet18conv4": _resnet18conv4}


def build_backbone(
    name: str, weights: Literal["imagenet", "none"], trainable: Literal["all", "from_conv4"]
) -> Backbone:
    """Build the backbone `name`; "imagenet" weights are downloaded by torchvision on first use.

    `ParameterError` for an unknown name, `MissingInputError` when the weights cannot be had.
    """
    if name not in BACKBONES:
        raise ParameterError(f"unknown backbone {name!r}; known are {', '.join(BACKBONES)}")
    try:
        return BACKBONES[name](weights, trainable)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        if weights == "none":
            raise
        raise MissingInputError(
            f"the ImageNet weights of {name} could not be downloaded: {error}",
            hint="connect to the network once (torch keeps them in TORCH_HOME), or set weights: none",
        ) from error
