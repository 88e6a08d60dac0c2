"""Augmentation for the discriminators when there are few images: real and translated images change randomly.

A discriminator that sees the same few images again and again memorises them, and then rewards their colours
and places instead of night. Differentiable augmentation of both real and translated images prevents this and
does not leak into the translations (Zhao et al., "Differentiable Augmentation for Data-Efficient GAN
Training", NeurIPS 2020). Brightness and contrast are not changed, because they distinguish night from day.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# In a step the discriminator of each domain sees a real and a translated image in its own update, and the
# translated one again in the update of the generators.
LOOKS = 6
# Random numbers for a view of one image.
DRAWN = 5
# The largest shift and the side of the covered rectangle, as shares of an image's side.
_SHIFT, _COVER = 1 / 8, 1 / 2


@dataclass(frozen=True)
class Views:
    """The views of the images in one step; drawn: (N, `LOOKS`, `DRAWN`) in 0..1, None for no change."""

    drawn: Tensor | None

    def __call__(self, look: int, x: Tensor) -> Tensor:
        """The views of images (N, 3, H, W) in -1..1 at this look."""
        return x if self.drawn is None else changed(x, self.drawn[:, look])


def changed(x: Tensor, drawn: Tensor) -> Tensor:
    """A view of each image of `x`, (N, 3, H, W) in -1..1; `drawn` is (N, `DRAWN`) in 0..1.

    Saturation is multiplied by 0 to 2, the image is shifted by up to an eighth of its sides, and a rectangle
    of half its sides is covered. Pixels shifted in or covered are 0, a middle grey.
    """
    views = []
    for one, numbers in zip(x.split(1), drawn.tolist(), strict=True):
        grey = one.mean(dim=1, keepdim=True)
        view = _shifted(grey + 2 * numbers[0] * (one - grey), numbers[1], numbers[2])
        views.append(_covered(view, numbers[3], numbers[4]))
    return torch.cat(views)


def _shifted(x: Tensor, down: float, right: float) -> Tensor:
    height, width = x.shape[2:]
    most_down, most_right = int(height * _SHIFT), int(width * _SHIFT)
    top, left = round(2 * most_down * down), round(2 * most_right * right)
    wide = F.pad(x, (most_right, most_right, most_down, most_down))
    return wide[:, :, top : top + height, left : left + width]


def _covered(x: Tensor, down: float, right: float) -> Tensor:
    height, width = x.shape[2:]
    top, left = round(height * (down - _COVER / 2)), round(width * (right - _COVER / 2))
    seen = torch.ones_like(x[:1, :1])
    seen[:, :, max(0, top) : top + round(height * _COVER), max(0, left) : left + round(width * _COVER)] = 0
    return x * seen
