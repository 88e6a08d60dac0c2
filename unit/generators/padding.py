"""Images of any sides through a network that takes multiples of a number only."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Padded(nn.Module):
    """`network` on images padded at right and bottom to multiples of `multiple`, its images cut back.

    The pad mirrors the image, more than once where it must. That is not the same as what the published
    scripts do, which resize.
    """

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) to images of the same sides."""
        height, width = x.shape[2:]
        for dim in (2, 3):
            x = x.index_select(
                dim, _mirrored(x.shape[dim], rounded_up(x.shape[dim], self.multiple), x.device)
            )
        night: Tensor = self.network(x)
        return night[..., :height, :width]


def rounded_up(side: int, multiple: int) -> int:
    """The next multiple of `multiple` from `side` on."""
    return -(-side // multiple) * multiple


def _mirrored(side: int, wanted: int, device: torch.device) -> Tensor:
    """Which of `side` pixels stands in each place of `wanted`: forth, and back, and forth."""
    last = side - 1
    places = torch.arange(wanted, device=device) % max(2 * last, 1)
    return torch.minimum(places, 2 * last - places)
