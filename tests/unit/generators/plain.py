"""Published generators as sequences of torch's own layers, slow and plain; ours must have their numbers.

Their outputs were compared with those of the published code, on photographs that may not be here: the same to
the rounding of float16 for every layout.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class OldInstanceNorm(nn.InstanceNorm2d):
    """Of torch 0.3 and of the code of 2018: statistics are kept and never used."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, track_running_stats=True)

    def forward(self, x: Tensor) -> Tensor:
        return F.instance_norm(x)


NORMS: dict[str, Any] = {
    "instance": nn.InstanceNorm2d,
    "batch": nn.BatchNorm2d,
    "none": nn.Identity,
    "old instance": OldInstanceNorm,
}


class Blur(nn.Module):
    """Halves after a filter."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 2, 1])
        self.register_buffer("filt", (torch.outer(taps, taps) / 16).expand(channels, 1, 3, 3).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1,) * 4, mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class Enlarge(nn.Module):
    """Doubles by a transposed filter, and cuts what sticks out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3, 3, 1])
        self.register_buffer("filt", (torch.outer(taps, taps) / 16).expand(channels, 1, 4, 4).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        padded = F.pad(x, (1,) * 4, mode="replicate")
        y = F.conv_transpose2d(padded, self.filt, stride=2, padding=2, groups=x.shape[1])
        return y[:, :, 1:, 1:][:, :, : 2 * x.shape[2], : 2 * x.shape[3]]


class Block(nn.Module):
    def __init__(self, channels: int, norm: Any, biased: bool, dropout: bool) -> None:
        super().__init__()
        pad, conv = partial(nn.ReflectionPad2d, 1), partial(nn.Conv2d, channels, channels, 3, bias=biased)
        first = [pad(), conv(), norm(channels), nn.ReLU(), *([nn.Dropout(0.5)] if dropout else [])]
        self.conv_block = nn.Sequential(*first, pad(), conv(), norm(channels))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.conv_block(x)
        return y


class Model(nn.Module):
    """Whose state dict begins with "model."."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y


def plain_resnet(
    width: int = 4,
    blocks: int = 2,
    norm: str = "instance",
    *,
    biased: bool | None = None,
    dropout: bool = False,
    antialias_down: bool = False,
    antialias_up: bool = False,
) -> Model:
    """A ResNet generator; convolutions before instance norms have a bias unless `biased` says otherwise."""
    w, normed = width, NORMS[norm]
    bias = "instance" in norm if biased is None else biased
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7, bias=bias), normed(w), nn.ReLU()]
    for channels in (w, 2 * w):
        stride = 1 if antialias_down else 2
        conv = nn.Conv2d(channels, 2 * channels, 3, stride, 1, bias=bias)
        layers += [conv, normed(2 * channels), nn.ReLU()]
        layers += [Blur(2 * channels)] if antialias_down else []
    layers += [Block(4 * w, normed, bias, dropout) for _ in range(blocks)]
    for channels in (4 * w, 2 * w):
        half = channels // 2
        if antialias_up:
            layers += [Enlarge(channels), nn.Conv2d(channels, half, 3, 1, 1, bias=bias)]
        else:
            layers += [nn.ConvTranspose2d(channels, half, 3, 2, 1, output_padding=1, bias=bias)]
        layers += [normed(half), nn.ReLU()]
    return Model(nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh()))


class Level(nn.Module):
    """A level of a U-Net with all below it."""

    def __init__(self, layers: list[nn.Module], *, outermost: bool) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.outermost = outermost

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.model(x)
        return y if self.outermost else torch.cat([x, y], 1)


def plain_unet(width: int = 2, halvings: int = 5, norm: str = "batch") -> Model:
    """pix2pix's U-Net."""
    normed, bias = NORMS[norm], "instance" in norm
    channels = [3, *(width * min(2**level, 8) for level in range(halvings))]
    block: nn.Module | None = None
    for level in reversed(range(halvings)):
        outside, inside = channels[level], channels[level + 1]
        down = nn.Conv2d(outside, inside, 4, 2, 1, bias=bias)
        both = inside if block is None else 2 * inside
        up = nn.ConvTranspose2d(both, outside, 4, 2, 1, bias=bias or level == 0)
        layers: list[nn.Module]
        if block is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, normed(outside)]
        elif level == 0:
            layers = [down, block, nn.ReLU(), up, nn.Tanh()]
        else:
            layers = [nn.LeakyReLU(0.2), down, normed(inside), block, nn.ReLU(), up, normed(outside)]
            layers += [nn.Dropout(0.5)] if level >= 4 else []
        block = Level(layers, outermost=level == 0)
    assert block is not None
    return Model(block)


def drawn(network: Model, seed: int = 0) -> Model:
    """The network with random weights, biases and statistics, none of which can be left out unseen."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if name.endswith("filt") or not value.is_floating_point():
            continue
        noise = torch.empty_like(value).normal_(generator=generator)
        fan = max(value[0].numel(), 1) if value.ndim == 4 else 9
        if name.endswith("running_var"):
            noise = 0.5 + noise.abs()
        elif value.ndim == 1 and name.endswith("weight"):
            noise = 1 + 0.2 * noise
        else:
            noise = noise * (1.4 / fan**0.5)
        value.copy_(noise)
    return network.eval()


LAYOUTS: dict[str, Any] = {
    "cyclegan": plain_resnet,
    "one block": partial(plain_resnet, blocks=1, width=3),
    "dropout layout": partial(plain_resnet, dropout=True),
    "cut": partial(plain_resnet, antialias_down=True, antialias_up=True),
    "cut --no_antialias": partial(plain_resnet, antialias_up=True),
    "cut --no_antialias_up": partial(plain_resnet, antialias_down=True),
    "pix2pix resnet": partial(plain_resnet, norm="batch", dropout=True),
    "hedngan": partial(plain_resnet, norm="batch"),
    "batch norm of before August 2017": partial(plain_resnet, norm="batch", biased=True),
    "norm none": partial(plain_resnet, norm="none"),
    "instance norm of before": partial(plain_resnet, norm="old instance"),
    "unet": plain_unet,
    "unet, dropout on a level": partial(plain_unet, halvings=6),
    "unet, instance": partial(plain_unet, norm="instance"),
}
