"""The smallest images and network that show what happens to them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

CPU = torch.device("cpu")


def picture(index: int) -> Tensor:
    """An image of noise, (3, 16, 16), another one for each index."""
    return torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(index))


class Features(nn.Module):
    """Features (N, 5, 4, 4): 16 locations of each image."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv = nn.Conv2d(3, 5, 3, stride=4)
        self.norm = nn.BatchNorm2d(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))
