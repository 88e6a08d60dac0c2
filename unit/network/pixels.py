"""Convert images to the input of a network and its output to images, as the published scripts do."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.runtime.errors import BadImageError

# An image of 20,000x1 pixels would become 512 pixels times ten million.
MAX_MODEL_PIXELS = 16_000_000


def network_levels(pixels: np.ndarray, shorter_side: int | None) -> Tensor:
    """(H, W, 3) uint8 to (3, H', W') uint8, with a shorter side of `shorter_side` pixels; None keeps it.

    The longer side is truncated to whole pixels; the filter is Pillow's bilinear, which averages when
    shrinking. An image with the right shorter side is not resampled.
    """
    resized = resize_shorter(Image.fromarray(pixels), shorter_side or min(pixels.shape[:2]))
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def to_range(levels: Tensor) -> Tensor:
    """Levels 0..255 to float32 in -1..1."""
    return (levels.float() / 255 - 0.5) / 0.5


def resize_shorter(image: Image.Image, shorter_side: int) -> Image.Image:
    """Resize so that the shorter side has `shorter_side` pixels; see `network_levels`."""
    width, height = image.size
    short, long = min(width, height), max(width, height)
    resized_long = int(shorter_side * long / short)
    if shorter_side * resized_long > MAX_MODEL_PIXELS:
        raise BadImageError(
            f"an image of {width}x{height} pixels would be {shorter_side}x{resized_long} in the network,"
            f" more than the limit of {MAX_MODEL_PIXELS:,} pixels"
        )
    if short == shorter_side:
        return image
    size = (shorter_side, resized_long) if width < height else (resized_long, shorter_side)
    return image.resize(size, Image.Resampling.BILINEAR)


def to_pixels(y: Tensor, stretch: str, rounding: float = 0.5) -> np.ndarray:
    """(N, 3, H, W) in -1..1 to (N, H, W, 3) uint8; `rounding` is added before levels are truncated.

    "minmax" maps the smallest value of all channels of an image to 0 and the largest to 255; "none" maps -1
    to 0 and 1 to 255.
    """
    t = (y + 1) / 2
    if stretch == "minmax":
        low, high = t.amin((1, 2, 3), keepdim=True), t.amax((1, 2, 3), keepdim=True)
        # The minimum avoids a division by zero for an image of one colour.
        t = (t - low) / (high - low).clamp(min=1e-5)
    levels = (t * 255 + rounding).clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().cpu().numpy()
