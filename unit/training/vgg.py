"""VGG-16 features for the perceptual term (Simonyan and Zisserman, 2015), as UNIT's training uses them."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.compute.device.torch_files import DAMAGE, first_line, load_tensors
from pipeline.runtime.errors import CheckpointError
from unit.network.settings import VggInput

# Mean of the training pictures of the Caffe model: blue, green, red.
_MEAN = (103.939, 116.779, 123.680)
# Mean and deviation of torchvision's training pictures in 0..1: red, green, blue.
_RGB_MEAN = (0.485, 0.456, 0.406)
_RGB_STD = (0.229, 0.224, 0.225)
# Convolutions of the five blocks, as (name, index in torchvision's `features`, channels in, out).
_BLOCKS = (
    (("conv1_1", 0, 3, 64), ("conv1_2", 2, 64, 64)),
    (("conv2_1", 5, 64, 128), ("conv2_2", 7, 128, 128)),
    (("conv3_1", 10, 128, 256), ("conv3_2", 12, 256, 256), ("conv3_3", 14, 256, 256)),
    (("conv4_1", 17, 256, 512), ("conv4_2", 19, 512, 512), ("conv4_3", 21, 512, 512)),
    (("conv5_1", 24, 512, 512), ("conv5_2", 26, 512, 512), ("conv5_3", 28, 512, 512)),
)
_POOLED_BLOCKS = 3


def vgg_input(x: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in -1..1 to BGR in 0..255 less the mean of the Caffe model."""
    return (x.flip(1) + 1) * 127.5 - _by_channel(_MEAN, x.dtype, x.device)


def torchvision_input(x: Tensor) -> Tensor:
    """RGB (N, 3, H, W) in -1..1 to RGB in 0..1 less torchvision's mean, by its deviation."""
    mean, std = (_by_channel(values, x.dtype, x.device) for values in (_RGB_MEAN, _RGB_STD))
    return ((x + 1) / 2 - mean) / std


@functools.cache
def _by_channel(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Values (C,) as (C, 1, 1), sent to a device once."""
    # Whoever asks first: one that asks for gradients may be next.
    with torch.inference_mode(mode=False):
        return torch.tensor(values, dtype=dtype, device=device)[:, None, None]


_INPUTS = {"caffe": vgg_input, "torchvision": torchvision_input}


class VggFeatures(nn.Module):
    """The map relu5_3 of VGG-16; max pooling after blocks 1, 2 and 3 only, none between blocks 4 and 5.

    pictures: what the weights want to see. It cannot be folded into the first convolution: that pads its
    input with zeros, which mean the mean grey only after the mean is taken away.
    """

    def __init__(self, pictures: VggInput) -> None:
        super().__init__()
        self.pictures = pictures
        for block in _BLOCKS:
            for name, _, channels_in, channels_out in block:
                self.add_module(name, nn.Conv2d(channels_in, channels_out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """RGB (N, 3, H, W) in -1..1 to (N, 512, H // 8, W // 8)."""
        x = _INPUTS[self.pictures](x)
        for index, block in enumerate(_BLOCKS):
            for name, *_ in block:
                x = F.relu(self.get_submodule(name)(x))
            if index < _POOLED_BLOCKS:
                x = F.max_pool2d(x, 2)
        return x


def load_vgg(path: Path, pictures: VggInput) -> VggFeatures:
    """Read VGG-16 weights keyed `conv1_1.weight` or `features.0.weight`.

    pictures: "caffe" for weights converted from Caffe, as UNIT was trained with (BGR in 0..255 less a mean),
    "torchvision" for torchvision's own (RGB normalised). Both kinds are found under the same keys and of the
    same size, so the file cannot tell.
    """
    if not path.is_file():
        raise CheckpointError(
            f"no VGG-16 weights at {path}", hint="set vgg_w to 0 and vgg to none to train without them"
        )
    try:
        state = load_tensors(path)
    except DAMAGE as error:
        raise CheckpointError(
            f"{path} holds no VGG-16 weights that may be opened ({first_line(error)})"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds no VGG-16 weights but a {type(state).__name__}")
    convs = [(name, index) for block in _BLOCKS for name, index, *_ in block]
    network = VggFeatures(pictures)
    renamed = {}
    for name, index in convs:
        for kind in ("weight", "bias"):
            found = state.get(f"{name}.{kind}", state.get(f"features.{index}.{kind}"))
            wanted = network.get_parameter(f"{name}.{kind}")
            if found is None or found.shape != wanted.shape:
                shape = "nothing" if found is None else str(tuple(found.shape))
                raise CheckpointError(f"{path}: {name}.{kind}: expected {tuple(wanted.shape)}, found {shape}")
            renamed[f"{name}.{kind}"] = found.float()
    network.load_state_dict(renamed)
    network.to(memory_format=torch.channels_last)
    return network.requires_grad_(False).eval()
