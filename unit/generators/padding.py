"""Images of any size for a network that accepts only multiples of a number."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Padded(nn.Module):
    """`network` on images padded at the right and bottom to multiples of `multiple`; its output is cropped.

    The padding mirrors the image, several times if needed. The published scripts resize instead.
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
    """The smallest multiple of `multiple` that is at least `side`."""
    return -(-side // multiple) * multiple


def _mirrored(side: int, wanted: int, device: torch.device) -> Tensor:
    """For each of `wanted` positions, which of `side` pixels is there: forwards, backwards, forwards."""
    last = side - 1
    places = torch.arange(wanted, device=device) % max(2 * last, 1)
    return torch.minimum(places, 2 * last - places)
