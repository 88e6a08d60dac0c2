"""UNIT's generator: an encoder to a shared code and a decoder from it (Liu, Breuel, Kautz, NIPS 2017).

Every convolution has a reflection pad before it and no padding of its own. Module names are chosen so that
the state dict has the keys of the published checkpoints, in the same order.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unit.network.settings import GeneratorSizes


def reflected(x: Tensor, pad: int) -> Tensor:
    """(N, C, H, W) with `pad` pixels mirrored on to each side, of the same type."""
    with torch.autocast(x.device.type, enabled=False):  # Autocast would convert to float32 and back.
        return F.pad(x, (pad,) * 4, mode="reflect")


class UpsampledTwofold(nn.Module):
    """Nearest-neighbour upsampling by 2."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 2 H, 2 W), of the same type."""
        with torch.autocast(x.device.type, enabled=False):
            return F.interpolate(x, scale_factor=2, mode="nearest")


class UnitLayerNorm(nn.Module):
    """UNIT's own layer norm: per sample over (C, H, W), with the unbiased standard deviation.

    y = gamma * (x - mean) / (std + eps) + beta. eps is added to the standard deviation, not to the variance,
    so this is neither `torch.nn.LayerNorm` nor a group norm with one group.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        # In bfloat16 the statistics would have 8 bits; they are always computed in float32.
        std, mean = torch.std_mean(x.float(), dim=(1, 2, 3), correction=1, keepdim=True)
        scale = self.gamma[:, None, None] / (std + self.eps)
        shift = self.beta[:, None, None] - mean * scale
        return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))


class UnitInstanceNorm(nn.Module):
    """Per sample and channel, with the biased variance, eps in the root; no parameters or running statistics.

    A group norm with as many groups as channels is the same, and several times as fast on a CPU; with
    gradients, a batch norm of each sample alone is even faster. For bfloat16 values both compute the
    statistics in float32.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if x.requires_grad and x.device.type == "cpu":
            return torch.cat([_batch_normed(one) for one in x.split(1)])
        # On a GPU autocast would convert all that follows to float32.
        with torch.autocast(x.device.type, enabled=False):
            return F.group_norm(x, x.shape[1], eps=1e-5)


def _batch_normed(x: Tensor) -> Tensor:
    """The batch norm of one sample, which equals its instance norm.

    With channels last, its gradient takes a tenth of the time of a group norm's. With weights it computes the
    statistics in float32.
    """
    scale, shift = torch.ones(x.shape[1]), torch.zeros(x.shape[1])
    return F.batch_norm(x, None, None, scale, shift, training=True, eps=1e-5)


class ConvBlock(nn.Module):
    """Reflection pad, convolution with bias, norm, activation, in this order.

    norm: "instance" (`UnitInstanceNorm`), "layer" (`UnitLayerNorm`), "batch" (with the
        statistics of the batch, also in eval mode; with scale and shift), "none".
    activation: "relu", "leaky" (slope 0.2), "tanh", "none".
    """

    def __init__(
        self, channels: tuple[int, int], kernel: int, stride: int, pad: int, norm: str, activation: str
    ) -> None:
        super().__init__()
        # The norm comes first because the published state dicts list it first.
        self.norm: nn.Module | None = None
        if norm == "layer":
            self.norm = UnitLayerNorm(channels[1])
        elif norm == "instance":
            self.norm = UnitInstanceNorm()
        elif norm == "batch":
            self.norm = nn.BatchNorm2d(channels[1], track_running_stats=False)
        self.conv = nn.Conv2d(*channels, kernel, stride)
        self.pad = pad
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels[0], H, W) to (N, channels[1], H', W')."""
        x = self.conv(reflected(x, self.pad))
        if self.norm is not None:
            x = self.norm(x)
        if self.activation == "relu":
            return F.relu(x, inplace=True)
        if self.activation == "leaky":
            return F.leaky_relu(x, 0.2, inplace=True)
        return torch.tanh(x) if self.activation == "tanh" else x


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with instance norm, plus the input; no activation after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        same = (channels, channels)
        self.model = nn.Sequential(
            ConvBlock(same, 3, 1, 1, "instance", "relu"), ConvBlock(same, 3, 1, 1, "instance", "none")
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        y: Tensor = self.model(x)
        return y + x


class ResidualBlocks(nn.Module):
    """`count` residual blocks in sequence."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        y: Tensor = self.model(x)
        return y


class Encoder(nn.Module):
    """Images to the mean of their code (its variance is one by definition)."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        channels = sizes.dim
        layers: list[nn.Module] = [ConvBlock((3, channels), 7, 1, 3, "instance", "relu")]
        for _ in range(sizes.n_downsample):
            layers.append(ConvBlock((channels, 2 * channels), 4, 2, 1, "instance", "relu"))
            channels *= 2
        layers.append(ResidualBlocks(channels, sizes.n_res))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) in -1..1 to the code (N, C, H', W')."""
        code: Tensor = self.model(x)
        return code


class Decoder(nn.Module):
    """A code to images."""

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        channels = sizes.code_channels
        layers: list[nn.Module] = [ResidualBlocks(channels, sizes.n_res)]
        for _ in range(sizes.n_downsample):
            layers.append(UpsampledTwofold())
            layers.append(ConvBlock((channels, channels // 2), 5, 1, 2, "layer", "relu"))
            channels //= 2
        layers.append(ConvBlock((channels, 3), 7, 1, 3, "none", "tanh"))
        self.model = nn.Sequential(*layers)

    def forward(self, code: Tensor) -> Tensor:
        """A code (N, C, H', W') to images (N, 3, H, W) in -1..1."""
        picture: Tensor = self.model(code)
        return picture


class Generator(nn.Module):
    """The generator of one domain: `enc` encodes its images, `dec` decodes images of the domain.

    Day to night is the `dec` of the night generator after the `enc` of the day generator; decoding with a
    generator's own `dec` reconstructs. Training adds unit Gaussian noise to the code; translation does not.
    """

    def __init__(self, sizes: GeneratorSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.enc = Encoder(sizes)
        self.dec = Decoder(sizes)
