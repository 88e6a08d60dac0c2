"""The ResNet generator of CycleGAN, CUT, pix2pix and gandtr: any width and blocks, antialiased or not."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unit.generators.convolutions import Convolution, PictureDropout, for_inference, reflected
from unit.generators.layout import ConvAt, ResnetLayout

# The reflection pads of the blocks need two pixels per side, at a quarter of the size.
SMALLEST_SIDE = 5


class Resnet(nn.Module):
    """The network of a `state` that was checked against its `layout`, in `dtype` and without gradients.

    own_statistics: whether batch norms use the statistics of the image instead of the file's.
    dropout: whether half of the values in the blocks are dropped, see `PictureDropout`.
    """

    def __init__(
        self,
        state: Mapping[str, Tensor],
        layout: ResnetLayout,
        dtype: torch.dtype,
        *,
        own_statistics: bool,
        dropout: bool,
    ) -> None:
        super().__init__()
        self.layout = layout
        self.dropout = dropout
        first, one, other, *blocks, up, more_up, last = layout.convs

        def built(at: ConvAt, stride: int = 1, pad: int = 0) -> Convolution:
            return Convolution(state, at, layout.norm, stride=stride, pad=pad, own_statistics=own_statistics)

        down, enlarged = (1 if layout.antialias_down else 2), (1 if layout.antialias_up else 2)
        self.first = built(first)
        self.down = nn.ModuleList(built(at, down, 1) for at in (one, other))
        self.blocks = nn.ModuleList(built(at) for at in blocks)
        self.up = nn.ModuleList(built(at, enlarged, 1) for at in (up, more_up))
        self.last = built(last)
        self.blur: Tensor
        taps = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("blur", torch.outer(taps, taps))
        for_inference(self, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in -1..1, to (N, 3, H', W') float32 in -1..1, sides rounded up to fours."""
        drop = PictureDropout(x) if self.dropout else None
        if self.first.by_picture:
            # The norm subtracts the mean anyway; else rounding would dominate in an image of one grey.
            x = x - x.mean((2, 3), keepdim=True)
        x = x.to(self.last.weight.dtype).contiguous(memory_format=torch.channels_last)
        x = F.relu_(self.first(reflected(x, 3)))
        for down in self.down:
            x = F.relu_(down(x))
            if self.layout.antialias_down:
                x = self._halved(x)
        for one, other in zip(self.blocks[::2], self.blocks[1::2], strict=True):
            y = F.relu_(one(reflected(x, 1)))
            x = other(reflected(drop(y) if drop else y, 1)).add_(x)
        for up in self.up:
            if self.layout.antialias_up:
                # The published filter, 1 3 3 1 along each side, equals this up to rounding.
                x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = F.relu_(up(x))
        return torch.tanh(self.last(reflected(x, 3)).float())

    def _halved(self, x: Tensor) -> Tensor:
        blur = self.blur.expand(x.shape[1], 1, 3, 3)
        return F.conv2d(reflected(x, 1), blur, stride=2, groups=x.shape[1])
