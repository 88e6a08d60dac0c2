"""UNIT's multi-scale patch discriminator (training only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import torch.nn.functional as F
from torch import Tensor, nn

from unit.network.network import ConvBlock
from unit.network.settings import DiscriminatorNorm


@dataclass(frozen=True)
class DiscriminatorSizes:
    """The size of a discriminator; the published ones are `DiscriminatorSizes(64, 4, 3, "none")`.

    dim: channels after the first convolution; they double at each further one.
    n_layer: stride-2 convolutions of each scale.
    num_scales: scales; each sees the picture at half the side of the one before, with weights of its own.
    norm: of the convolutions from the second on; in brackets the published variants: "none" (512x288 and
        512x288_VGG), "batch" (VGG_batchnorm), "instance" (VGG_instancenorm), "layer" (VGG_layernorm_128px).
    """

    dim: int
    n_layer: int
    num_scales: int
    norm: DiscriminatorNorm

    def __post_init__(self) -> None:
        if self.dim < 1 or self.n_layer < 1 or self.num_scales < 1:
            raise ValueError(f"dim, n_layer and num_scales must be at least 1, not {self}")
        if self.norm not in get_args(DiscriminatorNorm):
            raise ValueError(
                f"norm must be one of {', '.join(get_args(DiscriminatorNorm))}, not {self.norm!r}"
            )

    @property
    def smallest_side(self) -> int:
        """The shortest side in pixels of a training crop: the coarsest map must not be empty.

        Where each channel of it is normed, it must not be a single value either: its deviation would be 0.
        """
        least = 2 if self.norm in ("batch", "instance") else 1
        return least * 2 ** (self.n_layer + self.num_scales - 1)


def halve(x: Tensor) -> Tensor:
    """Average 3x3 pixels at stride 2; pixels beyond the border do not count in the mean."""
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class Discriminator(nn.Module):
    """Scores patches of a picture as real (1) or translated (0), at several scales."""

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
        """(N, 3, H, W) in -1..1 to one map of scores (N, 1, H', W') a scale, the finest first."""
        maps: list[Tensor] = []
        for scale, network in enumerate(self.cnns):
            if scale:
                x = halve(x)
            maps.append(network(x))
        return maps
