"""VGG-16 features for the perceptual loss (Simonyan and Zisserman, 2015), as in UNIT's training."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.vgg import make_layers

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors
from pipeline.runtime.errors import CheckpointError
from unit.network.settings import VggInput

# Mean of the training images of the Caffe model: blue, green, red.
_MEAN = (103.939, 116.779, 123.680)
# Mean and deviation of torchvision's training images in 0..1: red, green, blue.
_RGB_MEAN = (0.485, 0.456, 0.406)
_RGB_STD = (0.229, 0.224, 0.225)
# Channels of the convolutions, and poolings; VGG-16 has one more pooling, between blocks 4 and 5.
_LAYERS: list[str | int] = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", *[512] * 6]
# The names of the convolutions in Caffe's weights, and their indexes in torchvision's `features`.
_CAFFE = (
    *("conv1_1", "conv1_2", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv3_3"),
    *("conv4_1", "conv4_2", "conv4_3", "conv5_1", "conv5_2", "conv5_3"),
)
_PLACES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


def vgg_input(x: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in -1..1 to BGR in 0..255 minus the mean of the Caffe model."""
    return (x.flip(1) + 1) * 127.5 - _by_channel(_MEAN, x.dtype, x.device)


def torchvision_input(x: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in -1..1 to RGB in 0..1, normalised by torchvision's mean and deviation."""
    mean, std = (_by_channel(values, x.dtype, x.device) for values in (_RGB_MEAN, _RGB_STD))
    return ((x + 1) / 2 - mean) / std


@functools.cache
def _by_channel(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Values (C,) as (C, 1, 1), sent to a device once."""
    # Cached: the next caller may need gradients, which inference tensors do not allow.
    with torch.inference_mode(mode=False):
        return torch.tensor(values, dtype=dtype, device=device)[:, None, None]


_INPUTS = {"caffe": vgg_input, "torchvision": torchvision_input}


class VggFeatures(nn.Module):
    """The map relu5_3 of VGG-16; max pooling after blocks 1, 2 and 3 only, none between blocks 4 and 5.

    pictures: the input that the weights need. It cannot be folded into the first convolution, whose padding
    with zeros must be the mean colour.
    """

    def __init__(self, pictures: VggInput) -> None:
        super().__init__()
        self.pictures = pictures
        self.layers = make_layers(_LAYERS)

    def forward(self, x: Tensor) -> Tensor:
        """RGB (N, 3, H, W) in -1..1 to (N, 512, H // 8, W // 8)."""
        features: Tensor = self.layers(_INPUTS[self.pictures](x))
        return features


def load_vgg(path: Path, pictures: VggInput) -> VggFeatures:
    """Read VGG-16 weights keyed `conv1_1.weight` or `features.0.weight`.

    pictures: "caffe" for weights converted from Caffe, as UNIT was trained with (BGR in 0..255 minus a mean),
    "torchvision" for torchvision's own (normalised RGB). Both kinds may have the same keys and shapes, so the
    file does not show which it is.
    """
    if not path.is_file():
        raise CheckpointError(
            f"no VGG-16 weights at {path}", hint="set vgg_w to 0 and vgg to none to train without them"
        )
    try:
        state = load_tensors(path)
    except DAMAGE as error:
        raise CheckpointError(f"{path} cannot be read as VGG-16 weights ({first_line(error)})") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: expected a dict with VGG-16 weights, found a {type(state).__name__}")
    network = VggFeatures(pictures).requires_grad_(False).eval()
    convs = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
    for name, index, conv in zip(_CAFFE, _PLACES, convs, strict=True):
        for kind in ("weight", "bias"):
            found = state.get(f"{name}.{kind}", state.get(f"features.{index}.{kind}"))
            wanted = conv.get_parameter(kind)
            if found is None or found.shape != wanted.shape:
                shape = "nothing" if found is None else str(tuple(found.shape))
                raise CheckpointError(f"{path}: {name}.{kind}: expected {tuple(wanted.shape)}, found {shape}")
            wanted.copy_(found)
    return network.to(memory_format=torch.channels_last)
