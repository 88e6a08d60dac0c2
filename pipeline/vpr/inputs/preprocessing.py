"""An image as the network's input."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.image_io import read_rgb

# Of ImageNet's images, red, green and blue.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_MEAN_LEVEL = 255 * np.array(MEAN, dtype=np.float32)
_STD_LEVEL = 255 * np.array(STD, dtype=np.float32)
# What each of the 256 levels is normalised to, (1, 256, 3): to look it up takes a sixth of the time.
_NORMALISED = ((np.arange(256, dtype=np.float32)[:, None] - _MEAN_LEVEL) / _STD_LEVEL)[None]


def normalised(pixels: np.ndarray) -> Tensor:
    """Make (3, H, W), float32, of (H, W, 3) uint8 RGB: in [0, 1], normalised as ImageNet's images."""
    return torch.from_numpy(cv2.LUT(pixels, _NORMALISED)).permute(2, 0, 1)


def read_view(data: bytes, height: int, width: int, label: str) -> Tensor:
    """Decode an image file's bytes to (3, height, width), float32, as `as_view` has it.

    `label` names the image in errors.
    """
    return as_view(read_rgb(data, label=label), height, width)


def as_view(pixels: np.ndarray, height: int, width: int) -> Tensor:
    """Make (3, height, width), float32, of (H, W, 3) uint8 RGB.

    In [0, 1], normalised by ImageNet's mean and deviation, then resized (bilinear, antialiased) if its size
    is another, whatever the aspect. In memory it lies as (height, width, 3), which is what convolutions in
    channels-last form read.
    """
    view = normalised(pixels)
    if view.shape[1:] == (height, width):
        return view
    return functional.resize(view, [height, width], antialias=True)


def collate(views: list[Tensor]) -> Tensor:
    """Views (3, H, W) as one batch (N, 3, H, W) in channels-last form."""
    return torch.stack([view.permute(1, 2, 0) for view in views]).permute(0, 3, 1, 2)


def as_levels(view: Tensor) -> np.ndarray:
    """The image (H, W, 3), uint8, that a view (3, H, W) shows; what is beyond black and white is cut."""
    levels = view.permute(1, 2, 0).numpy() * _STD_LEVEL + _MEAN_LEVEL
    return np.asarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
