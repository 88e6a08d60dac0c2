"""UNIT's multi-scale patch discriminator (training only)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from unit.network.network import ConvBlock
from unit.training.settings import DiscriminatorSizes


def halve(x: Tensor) -> Tensor:
    """Average 3x3 pixels at stride 2; pixels beyond the border do not count in the mean."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class Discriminator(nn.Module):
    """Scores patches of an image as real (1) or translated (0), at several scales."""

    def __init__(self, sizes: DiscriminatorSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.cnns = nn.ModuleList(self._scale() for _ in range(sizes.num_scales))

    def _scale(self) -> nn.Sequential:
        channels = self.sizes.dim
        layers: list[nn.Module] = [ConvBlock((3, channels), 4, 2, 1, "none", "leaky")]
        for _ in range(self.sizes.n_layer - 1):
            layers.append(ConvBlock((channels, 2 * channels), 4, 2, 1, self.sizes.norm, "leaky"))
            channels *= 2
        layers.append(nn.Conv2d(channels, 1, 1))
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(N, 3, H, W) in -1..1 to one map of scores (N, 1, H', W') per scale, the finest first."""
        maps: list[Tensor] = []
        for scale, network in enumerate(self.cnns):
            if scale:
                x = halve(x)
            maps.append(network(x))
        return maps
