"""Multi-scale testing: aggregate the features of an image and of its coarser copies together.

The rules are those of the paper's own code (Table V), for grids of any size.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from pipeline.vpr.models.descriptor_model import Ensemble, Network, Recogniser

# A coarser copy takes every second, third or fourth row and column of the input.
STEPS = (2, 3, 4)


def coarser(x: Tensor, step: int) -> Tensor:
    """Every `step`-th row and column from the first on, without blur: (N, C, H, W) -> (N, C, H/step, W/step).

    Sides are rounded up.
    """
    return x[:, :, ::step, ::step]


def concatenated(grids: list[Tensor]) -> Tensor:
    """The locations of all grids, (N, C, h, w) each, one after the other: (N, C, sum of h * w, 1).

    Grids stay in their order, locations row by row.
    """
    return torch.cat([grid.flatten(2) for grid in grids], dim=2).unsqueeze(3)


def averaged(grids: list[Tensor]) -> Tensor:
    """The "naive average": (N, C, L, 1), where L is the number of locations of the first and largest grid.

    The locations of each grid, row by row, are repeated as a whole up to L; so location k is the mean of each
    grid's location k mod n, with n its number of locations. Rows of different grids do not coincide.
    """
    flat = [grid.flatten(2) for grid in grids]
    total = flat[0]
    for smaller in flat[1:]:
        total = total + smaller.repeat(1, 1, -(-total.shape[2] // smaller.shape[2]))[:, :, : total.shape[2]]
    return (total / len(flat)).unsqueeze(3)


class Scaled(nn.Module):
    """A backbone applied to images (N, 3, H, W) at all scales: combined features (N, C, L, 1)."""

    def __init__(self, backbone: nn.Module, combine: Literal["concatenation", "average"]) -> None:
        super().__init__()
        self.backbone = backbone
        self.combine = concatenated if combine == "concatenation" else averaged

    def forward(self, x: Tensor) -> Tensor:
        """Features of a batch: first of the full images, then of the coarser copies."""
        return self.combine([self.backbone(x), *(self.backbone(coarser(x, step)) for step in STEPS)])


def at_scales(network: Network, combine: Literal["concatenation", "average"]) -> Network:
    """The same network with all scales for each backbone; it shares its weights with `network`.

    Scales are combined before the one aggregation; each part of an ensemble combines its own.
    """
    parts = [
        Recogniser(Scaled(part.backbone, combine), part.aggregation, part.descriptor_size)
        for part in network.parts
    ]
    return Ensemble(parts[0], parts[1], network.how) if isinstance(network, Ensemble) else parts[0]
