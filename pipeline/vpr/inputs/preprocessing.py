"""An image as the network's input."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from pipeline.core.image_io import read_rgb

# Of ImageNet: red, green and blue.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)

_MEAN_LEVEL = 255 * np.array(MEAN, dtype=np.float32)
_STD_LEVEL = 255 * np.array(STD, dtype=np.float32)
# Normalised value of each of the 256 levels, (1, 256, 3): a lookup takes a sixth of the time.
_NORMALISED = ((np.arange(256, dtype=np.float32)[:, None] - _MEAN_LEVEL) / _STD_LEVEL)[None]


def normalised(pixels: np.ndarray) -> Tensor:
    """Convert (H, W, 3) uint8 RGB to (3, H, W) float32: in [0, 1], normalised by ImageNet's statistics."""
    return torch.from_numpy(cv2.LUT(pixels, _NORMALISED)).permute(2, 0, 1)


def read_view(data: bytes, height: int, width: int, label: str) -> Tensor:
    """Decode an image file's bytes to (3, height, width), float32; see `as_view`.

    `label` names the image in errors.
    """
    return as_view(read_rgb(data, label=label), height, width)


def as_view(pixels: np.ndarray, height: int, width: int) -> Tensor:
    """Convert (H, W, 3) uint8 RGB to (3, height, width) float32.

    In [0, 1], normalised by ImageNet's mean and standard deviation, then resized (bilinear, antialiased) if
    its size differs, without keeping the aspect. In memory it is (height, width, 3), as convolutions in
    channels-last format read it.
    """
    view = normalised(pixels)
    if view.shape[1:] == (height, width):
        return view
    return functional.resize(view, [height, width], antialias=True)


def collate(views: list[Tensor]) -> Tensor:
    """Views (3, H, W) as one batch (N, 3, H, W) in channels-last format."""
    return torch.stack([view.permute(1, 2, 0) for view in views]).permute(0, 3, 1, 2)


def as_levels(view: Tensor) -> np.ndarray:
    """A view (3, H, W) as an image (H, W, 3), uint8; values beyond black and white are clipped."""
    levels = view.permute(1, 2, 0).numpy() * _STD_LEVEL + _MEAN_LEVEL
    return np.asarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))
