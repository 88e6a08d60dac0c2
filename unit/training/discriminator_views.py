"""What discriminators see where images are few: each one, real or translated, changed at random.

A discriminator that sees the same few images again and again learns them by heart, and then asks for their
colours and places instead of for night. Changes that a gradient goes through, made to real and translated
images alike, keep it from that and do not leak into what is translated (Zhao et al., "Differentiable
Augmentation for Data-Efficient GAN Training", NeurIPS 2020). Brightness and contrast stay as they are: they
are what tells a night.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# In a step each domain's discriminator looks at a real and a translated image to learn, and at the
# translated one once more for the generators.
LOOKS = 6
# Random numbers that a view of one image takes.
DRAWN = 5
# The largest shift and the side of the covered rectangle, as shares of an image's side.
_SHIFT, _COVER = 1 / 8, 1 / 2


@dataclass(frozen=True)
class Views:
    """How the images of one step are seen; drawn: (N, `LOOKS`, `DRAWN`) in 0..1, None for as they are."""

    drawn: Tensor | None

    def __call__(self, look: int, x: Tensor) -> Tensor:
        """The images (N, 3, H, W) in -1..1 as they are seen at that look."""
        return x if self.drawn is None else changed(x, self.drawn[:, look])


def changed(x: Tensor, drawn: Tensor) -> Tensor:
    """A view of each image of `x`, (N, 3, H, W) in -1..1; `drawn` is (N, `DRAWN`) in 0..1.

    Colours get 0 to 2 times as strong, the image is shifted by up to an eighth of its sides, and a
    rectangle of half its sides is covered. What was shifted in and what is covered is 0, a middle grey.
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
