"""A convolution of a published generator with the norm after it, optimised for speed.

A batch norm with the statistics of the file is folded into the weights of the convolution. A norm with the
statistics of the image subtracts the mean and so any bias before it; that bias is left out.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unit.generators.layout import ConvAt, Norm

_EPS = 1e-5


class Convolution(nn.Module):
    """A convolution and its norm: with the statistics of each image, or folded in."""

    def __init__(
        self,
        state: Mapping[str, Tensor],
        at: ConvAt,
        norm: Norm,
        *,
        stride: int = 1,
        pad: int = 0,
        own_statistics: bool,
    ) -> None:
        super().__init__()
        weight, bias = state[f"{at.conv}.weight"], state.get(f"{at.conv}.bias")
        self.transposed = at.transposed
        self.stride = stride
        self.pad = pad
        self.by_picture = bool(at.norm) and (norm == "instance" or (norm == "batch" and own_statistics))
        scale = shift = None
        if at.norm and norm == "batch":
            scale, shift = state[f"{at.norm}.weight"], state[f"{at.norm}.bias"]
            if not own_statistics:
                weight, bias = _folded(state, at, weight, bias)
                scale = shift = None
        if self.by_picture:
            bias = None
        self.weight = nn.Parameter(weight)
        self.bias, self.scale, self.shift = (
            None if value is None else nn.Parameter(value) for value in (bias, scale, shift)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H', W')."""
        if self.transposed:
            # All of these double the size; one of 3x3 needs an extra row and column for it.
            lacking = self.weight.shape[2] % 2
            y = F.conv_transpose2d(x, self.weight, self.bias, self.stride, self.pad, lacking)
        else:
            y = F.conv2d(x, self.weight, self.bias, self.stride, self.pad)
        if self.by_picture:
            # With as many groups as channels it is an instance norm, several times as fast on a CPU. For
            # bfloat16 values it computes the statistics in float32.
            y = F.group_norm(y, y.shape[1], eps=_EPS)
        if self.scale is not None and self.shift is not None:
            y = y.mul_(self.scale[:, None, None]).add_(self.shift[:, None, None])
        return y


def _folded(
    state: Mapping[str, Tensor], at: ConvAt, weight: Tensor, bias: Tensor | None
) -> tuple[Tensor, Tensor]:
    gamma, beta, mean, variance = (
        state[f"{at.norm}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / (variance + _EPS).sqrt()
    along = (1, -1, 1, 1) if at.transposed else (-1, 1, 1, 1)
    return weight * scale.reshape(along), beta + ((0 if bias is None else bias) - mean) * scale


def reflected(x: Tensor, pad: int) -> Tensor:
    """(N, C, H, W) with `pad` pixels mirrored on to each side."""
    return F.pad(x, (pad,) * 4, mode="reflect")


def for_inference(network: nn.Module, dtype: torch.dtype) -> None:
    """Convert the network's weights to `dtype` and channels-last format, without gradients."""
    network.requires_grad_(requires_grad=False)
    network.to(dtype).to(memory_format=torch.channels_last)


class PictureDropout:
    """Dropout of half of the values, seeded by the levels of each image, so that every run is the same.

    The published scripts use other random numbers in every run, and keep dropout on when they test.
    """

    def __init__(self, x: Tensor) -> None:
        levels = ((x + 1) * 127.5).round().to(torch.uint8).cpu().numpy()
        self._seeds = [zlib.crc32(picture.tobytes()) for picture in levels]
        self._layer = 0

    def __call__(self, x: Tensor) -> Tensor:
        """Drop values of (N, C, H, W); the n-th call always drops the same ones."""
        self._layer += 1
        kept = [
            np.random.default_rng((seed, self._layer)).integers(0, 2, x.shape[1:], np.uint8)
            for seed in self._seeds
        ]
        return x * (2 * torch.from_numpy(np.stack(kept)).to(x))
