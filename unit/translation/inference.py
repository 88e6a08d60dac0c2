"""Inference of a trained pair, optimised for speed: the result of `dec(enc(x))`.

The optimisations change results only by rounding:

- An instance norm subtracts the mean and so any bias before it; that bias is left out.
- A 5x5 convolution after nearest upsampling by 2 reads each pixel of the small image up to nine times. Each
  of the four positions in a 2x2 block of the result (its phase) is a 3x3 convolution of the small image with
  summed weights, 9/25 of the work. This does not hold in the outermost rows and columns, where the large
  image is reflected; they are computed directly.
- The layer norm does not depend on positions, so it is applied before the phases are interleaved.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unit.network.network import (
    ConvBlock,
    Decoder,
    Encoder,
    ResidualBlock,
    ResidualBlocks,
    UnitInstanceNorm,
    UnitLayerNorm,
)

# Which of the five taps along a side read the same pixel of the small image, for both phases.
_TAPS = (((0, 1), (2, 3), (4,)), ((0,), (1, 2), (3, 4)))


class Inference(nn.Module):
    """Encoder of one domain and decoder of the other as one network, in `dtype` and without gradients."""

    def __init__(self, encoder: Encoder, decoder: Decoder, dtype: torch.dtype) -> None:
        super().__init__()
        first, *down, blocks = encoder.model
        more_blocks, *ups, last = decoder.model
        self.down = nn.ModuleList(_Normed(block) for block in (first, *down))
        self.coding = _residuals(blocks)
        self.decoding = _residuals(more_blocks)
        self.up = nn.ModuleList(_UpsampledConv(block) for block in ups if isinstance(block, ConvBlock))
        self.last = _Conv(last, bias=True)
        self.requires_grad_(requires_grad=False)
        # Not the buffers of the norms: a rounded scale would shift a whole channel.
        for weight in self.parameters():
            weight.data = weight.data.to(dtype)
        self.to(memory_format=torch.channels_last)

    def encode(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in -1..1 to their code (N, C, H', W')."""
        for layer in self.down:
            x = F.relu_(layer(x))
        return self.coding(x)

    def forward(self, x: Tensor) -> Tensor:
        """Images (N, 3, H, W) in -1..1, of any type, to images (N, 3, H', W'), float32 in -1..1."""
        dtype = self.last.weight.dtype
        x = self.decoding(self.encode(x.to(dtype).contiguous(memory_format=torch.channels_last)))
        for layer in self.up:
            x = layer(x)
        return torch.tanh(self.last(x).float())


class _Conv(nn.Module):
    """Reflection pad and convolution."""

    def __init__(self, block: nn.Module, *, bias: bool) -> None:
        super().__init__()
        assert isinstance(block, ConvBlock)
        assert block.conv.bias is not None
        self.weight = nn.Parameter(block.conv.weight.detach().clone())
        self.bias = (
            nn.Parameter(block.conv.bias.detach().clone()) if bias and block.conv.bias is not None else None
        )
        self.stride = block.conv.stride
        self.pad = block.pad

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (self.pad,) * 4, mode="reflect"), self.weight, self.bias, self.stride)


class _Normed(_Conv):
    """The same with an instance norm."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__(block, bias=False)
        self.norm = UnitInstanceNorm()

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.norm(super().forward(x))
        return normed


class _Residual(nn.Module):
    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first = _Normed(first)
        self.second = _Normed(second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(F.relu_(self.first(x)))
        return y.add_(x)


def _residuals(blocks: nn.Module) -> nn.Sequential:
    assert isinstance(blocks, ResidualBlocks)
    pairs = (block.model for block in blocks.model if isinstance(block, ResidualBlock))
    return nn.Sequential(*(_Residual(first, second) for first, second in pairs))


class _UpsampledConv(nn.Module):
    """Nearest upsampling by 2, reflection pad 2, 5x5 convolution, layer norm, ReLU."""

    def __init__(self, block: ConvBlock) -> None:
        super().__init__()
        assert isinstance(block.norm, UnitLayerNorm)
        assert block.conv.bias is not None
        self.weight = nn.Parameter(block.conv.weight.detach().clone())
        self.bias = nn.Parameter(block.conv.bias.detach().clone())
        self.phase_weight = nn.Parameter(_phase_weight(self.weight.detach()))
        self.phase_bias = nn.Parameter(self.bias.detach().repeat(4))
        self.norm = _PhaseLayerNorm(block.norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', 2h, 2w)."""
        y = F.conv2d(F.pad(x, (1,) * 4, mode="replicate"), self.phase_weight, self.phase_bias)
        self._compute_edges(y, x)
        return _interleaved(F.relu_(self.norm(y)))

    def _compute_edges(self, y: Tensor, x: Tensor) -> None:
        """Compute the outermost rows and columns of the result directly, in the phases `y`."""
        phases = y.unflatten(1, (2, 2, -1))  # (N, row phase, column phase, C', h, w)
        for end, place in ((0, 0), (1, -1)):
            row = self._edge(x, 2, end)  # (N, C', 1, 2w)
            phases[:, end, :, :, place] = row[:, :, 0].unflatten(2, (-1, 2)).permute(0, 3, 1, 2)
            column = self._edge(x, 3, end)  # (N, C', 2h, 1)
            phases[:, :, end, :, :, place] = column[..., 0].unflatten(2, (-1, 2)).permute(0, 3, 1, 2)

    def _edge(self, x: Tensor, dim: int, end: int) -> Tensor:
        """The first (`end` 0) or last row (`dim` 2) or column (`dim` 3) of the upsampled, convolved `x`."""
        last = x.shape[dim] - 1
        # The outermost pixel of the upsampled image and two on either side, reflected outside.
        around = (1, 0, 0, 0, 1) if end == 0 else (last - 1, last, last, last, last - 1)
        strip = torch.cat([x.narrow(dim, place, 1) for place in around], dim).repeat_interleave(2, 5 - dim)
        pads = (2, 2, 0, 0) if dim == 2 else (0, 0, 2, 2)
        strip = F.pad(strip, pads, mode="reflect").contiguous(memory_format=torch.channels_last)
        return F.conv2d(strip, self.weight, self.bias)


class _PhaseLayerNorm(nn.Module):
    """`UnitLayerNorm` of phases (N, 4C, h, w): the same scale and shift for the four phases of a channel."""

    def __init__(self, norm: UnitLayerNorm) -> None:
        super().__init__()
        self.eps = norm.eps
        self.gamma: Tensor
        self.beta: Tensor
        self.register_buffer("gamma", norm.gamma.detach().float().repeat(4))
        self.register_buffer("beta", norm.beta.detach().float().repeat(4))

    def forward(self, x: Tensor) -> Tensor:
        std, mean = _std_mean(x)
        scale = self.gamma / (std + self.eps)[:, None]
        shift = self.beta - mean[:, None] * scale
        if len(x) == 1:
            # A batch norm with given statistics is one pass over `x`, in float32 for any dtype.
            zeros, ones = torch.zeros_like(self.gamma), torch.ones_like(self.gamma)
            return F.batch_norm(x, zeros, ones, scale[0], shift[0], training=False, eps=0.0)
        return torch.addcmul(shift[:, :, None, None], x.float(), scale[:, :, None, None]).to(x.dtype)


def _std_mean(x: Tensor) -> tuple[Tensor, Tensor]:
    """Unbiased standard deviation and mean, (N,) each and float32, of (N, C, h, w) over all but N."""
    if x.is_cuda:
        return torch.std_mean(x.float(), dim=(1, 2, 3), correction=1)
    # A group norm computes mean and deviation of each channel in a fiftieth of the time of std_mean on
    # channels-last values. With weights it computes the statistics in float32.
    n, channels, height, width = x.shape
    weight, bias = x.new_ones(channels, dtype=torch.float32), x.new_zeros(channels, dtype=torch.float32)
    _, means, inverse = torch.native_group_norm(x, weight, bias, n, channels, height * width, channels, 0.0)
    means, variances = means.double(), inverse.double() ** -2
    mean = means.mean(1)
    variance = variances.mean(1) + means.var(1, correction=0)
    count = channels * height * width
    return (variance * (count / (count - 1))).sqrt().float(), mean.float()


def _phase_weight(weight: Tensor) -> Tensor:
    """Weights (O, I, 5, 5) summed to those of the four phases: (4 * O, I, 3, 3), phase by phase."""
    taps = torch.zeros(2, 3, 5)
    for phase, pixels in enumerate(_TAPS):
        for pixel, members in enumerate(pixels):
            taps[phase, pixel, list(members)] = 1
    return torch.einsum("pak,qbl,oikl->pqoiab", taps, taps, weight).flatten(0, 2)


def _interleaved(phases: Tensor) -> Tensor:
    """Phases (N, 4C, h, w) to the image (N, C, 2h, 2w), channels last."""
    n, channels, height, width = phases.shape
    # (N, h, w, row phase, column phase, C) to (N, h, row phase, w, column phase, C)
    blocks = phases.permute(0, 2, 3, 1).reshape(n, height, width, 2, 2, channels // 4)
    return blocks.transpose(2, 3).reshape(n, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)
