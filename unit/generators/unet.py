"""pix2pix's U-Net of any width and depth."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unit.generators.convolutions import Convolution, PictureDropout, for_inference
from unit.generators.layout import UnetLayout

# The outermost levels have no dropout.
_FIRST_DROPPED = 4


class Unet(nn.Module):
    """The network of a `state` that was checked against its `layout`, in `dtype` and without gradients.

    own_statistics, dropout: see `Resnet`.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        layout: UnetLayout,
        dtype: torch.dtype,
        *,
        own_statistics: bool,
        dropout: bool,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.dtype = dtype
        self.dropout = dropout
        built = [
            Convolution(state, at, layout.norm, stride=2, pad=1, own_statistics=own_statistics)
            for at in layout.convs
        ]
        self.down = nn.ModuleList(built[: layout.halvings])
        self.up = nn.ModuleList(built[layout.halvings :])
        for_inference(self, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in -1..1, sides multiples of 2**halvings, to the same, float32."""
        drop = PictureDropout(x) if self.dropout else None
        x = x.to(self.dtype).contiguous(memory_format=torch.channels_last)
        seen: list[Tensor] = []
        for down in self.down:
            seen.append(x := down(F.leaky_relu(x, 0.2) if seen else x))
        innermost = self.layout.halvings - 1
        for up, level in zip(self.up, range(innermost, -1, -1), strict=True):
            x = up(F.relu(x if level == innermost else torch.cat([seen[level], x], 1)))
            if drop and _FIRST_DROPPED <= level < innermost:
                x = drop(x)
        return torch.tanh(x.float())
