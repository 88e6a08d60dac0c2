"""A picture as the network's input."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.pictures import read_rgb

# Of ImageNet's pictures, red, green and blue.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def normalised_view(data: bytes, label: str) -> Tensor:
    """Decode an image file's bytes to (3, h, w), float32: RGB in [0, 1], normalised as ImageNet's pictures.

    `label` names the picture in errors.
    """
    pixels = read_rgb(data, label=label).astype(np.float32) / 255
    return functional.normalize(torch.from_numpy(pixels).permute(2, 0, 1), list(MEAN), list(STD))


def read_view(data: bytes, height: int, width: int, label: str) -> Tensor:
    """Decode an image file's bytes to (3, height, width), float32.

    Normalised, then resized (bilinear, antialiased) if its size is another, whatever the aspect.
    """
    view = normalised_view(data, label)
    if view.shape[1:] == (height, width):
        return view
    return functional.resize(view, [height, width], antialias=True)
