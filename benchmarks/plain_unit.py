"""UNIT's training step in plain PyTorch: eager, float32, NCHW, one module after the other.

The reference for the speed and the results of ours. Module names are the same, so that weights can be loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from unit.training.losses import Features
from unit.training.settings import TrainSettings
from unit.training.step import Trainer


class LayerNorm(nn.Module):
    """UNIT's own layer norm: per sample, with the unbiased deviation plus eps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        flat = x.reshape(len(x), -1)
        mean, std = flat.mean(1)[:, None, None, None], flat.std(1)[:, None, None, None]
        return (x - mean) / (std + 1e-5) * self.gamma[:, None, None] + self.beta[:, None, None]


NORMS = {
    "none": lambda _: nn.Identity(),
    "batch": lambda channels: nn.BatchNorm2d(channels, track_running_stats=False),
    "instance": nn.InstanceNorm2d,
    "layer": LayerNorm,
}


class Block(nn.Module):
    """Pad, convolution, norm, activation."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, stride: int, pad: int, norm: str, activation: nn.Module
    ) -> None:
        super().__init__()
        self.norm = NORMS[norm](c_out)
        self.conv = nn.Conv2d(c_in, c_out, kernel, stride)
        self.pad = nn.ReflectionPad2d(pad)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, H, W) to (N, c_out, H', W')."""
        y: Tensor = self.activation(self.norm(self.conv(self.pad(x))))
        return y


class Held(nn.Module):
    """A sequence with the name `model`, with or without a residual connection."""

    def __init__(self, *layers: nn.Module, residual: bool = False) -> None:
        super().__init__()
        self.model = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """Input and output of the sequence."""
        y: Tensor = self.model(x)
        return y + x if self.residual else y


def residual_blocks(channels: int, count: int) -> Held:
    """`count` pairs of 3x3 convolutions."""
    return Held(
        *(
            Held(
                Block(channels, channels, 3, 1, 1, "instance", nn.ReLU()),
                Block(channels, channels, 3, 1, 1, "instance", nn.Identity()),
                residual=True,
            )
            for _ in range(count)
        )
    )


class PlainGenerator(nn.Module):
    """Encoder `enc` and decoder `dec`."""

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__()
        dim, down, count = settings.dim, settings.n_downsample, settings.n_res
        widths = [dim * 2**level for level in range(down + 1)]
        coding = [Block(width, 2 * width, 4, 2, 1, "instance", nn.ReLU()) for width in widths[:-1]]
        decoding = [
            layer
            for width in reversed(widths[:-1])
            for layer in (nn.Upsample(scale_factor=2), Block(2 * width, width, 5, 1, 2, "layer", nn.ReLU()))
        ]
        self.enc = Held(
            Block(3, dim, 7, 1, 3, "instance", nn.ReLU()), *coding, residual_blocks(widths[-1], count)
        )
        self.dec = Held(
            residual_blocks(widths[-1], count), *decoding, Block(dim, 3, 7, 1, 3, "none", nn.Tanh())
        )


class PlainDiscriminator(nn.Module):
    """Scales of strided convolutions."""

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__()
        self.cnns = nn.ModuleList()
        for _ in range(settings.num_scales):
            widths = [3] + [settings.dis_dim * 2**layer for layer in range(settings.n_layer)]
            norms = ["none"] + [settings.dis_norm] * (settings.n_layer - 1)
            blocks = [
                Block(c_in, c_out, 4, 2, 1, norm, nn.LeakyReLU(0.2))
                for c_in, c_out, norm in zip(widths, widths[1:], norms, strict=False)
            ]
            self.cnns.append(nn.Sequential(*blocks, nn.Conv2d(widths[-1], 1, 1)))
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Scores of each scale."""
        maps = []
        for network in self.cnns:
            maps.append(network(x))
            x = self.halve(x)
        return maps


class PlainTrainer:
    """Two separate passes per iteration, as published: one for the discriminators, one for the generators.

    It starts from the weights of `ours`, and its learning rate is constant. Both passes use the same noise.
    """

    def __init__(self, settings: TrainSettings, ours: Trainer, features: Features | None) -> None:
        self.settings = settings
        self.features = features
        self.a, self.b = PlainGenerator(settings), PlainGenerator(settings)
        self.dis_a, self.dis_b = PlainDiscriminator(settings), PlainDiscriminator(settings)
        self.networks = (self.a, self.b, self.dis_a, self.dis_b)
        for network, theirs in zip(self.networks, (ours.a, ours.b, ours.dis_a, ours.dis_b), strict=True):
            network.load_state_dict(theirs.state_dict())
        self.gen_optimizer = self._adam(self.a, self.b)
        self.dis_optimizer = self._adam(self.dis_a, self.dis_b)

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        s = self.settings
        weights = chain.from_iterable(network.parameters() for network in networks)
        return torch.optim.Adam(weights, s.lr, (s.beta1, s.beta2), weight_decay=s.weight_decay)

    def step(self, x_a: Tensor, x_b: Tensor, noise: Sequence[Tensor]) -> dict[str, Tensor]:
        """One iteration; returns the loss terms with the names of `Trainer.step`."""
        losses = self._update_discriminators(x_a, x_b, noise)
        return losses | self._update_generators(x_a, x_b, noise)

    def _update_discriminators(self, x_a: Tensor, x_b: Tensor, noise: Sequence[Tensor]) -> dict[str, Tensor]:
        self.dis_optimizer.zero_grad()
        x_ba = self.a.dec(self.b.enc(x_b) + noise[1])
        x_ab = self.b.dec(self.a.enc(x_a) + noise[0])
        losses = {
            "dis_a": _scored(self.dis_a, x_ba.detach(), 0) + _scored(self.dis_a, x_a, 1),
            "dis_b": _scored(self.dis_b, x_ab.detach(), 0) + _scored(self.dis_b, x_b, 1),
        }
        (self.settings.gan_w * (losses["dis_a"] + losses["dis_b"])).backward()
        self.dis_optimizer.step()
        return losses

    def _update_generators(self, x_a: Tensor, x_b: Tensor, noise: Sequence[Tensor]) -> dict[str, Tensor]:
        s = self.settings
        self.gen_optimizer.zero_grad()
        code_a, code_b = self.a.enc(x_a), self.b.enc(x_b)
        x_aa, x_bb = self.a.dec(code_a + noise[0]), self.b.dec(code_b + noise[1])
        x_ba, x_ab = self.a.dec(code_b + noise[1]), self.b.dec(code_a + noise[0])
        recode_b, recode_a = self.a.enc(x_ba), self.b.enc(x_ab)
        x_aba, x_bab = self.a.dec(recode_a + noise[2]), self.b.dec(recode_b + noise[3])
        terms = {
            "recon_x_a": (s.recon_x_w, (x_aa - x_a).abs().mean()),
            "recon_x_b": (s.recon_x_w, (x_bb - x_b).abs().mean()),
            "recon_kl_a": (s.recon_kl_w, code_a.square().mean()),
            "recon_kl_b": (s.recon_kl_w, code_b.square().mean()),
            "cyc_x_a": (s.cyc_x_w, (x_aba - x_a).abs().mean()),
            "cyc_x_b": (s.cyc_x_w, (x_bab - x_b).abs().mean()),
            "recon_kl_cyc_aba": (s.recon_kl_cyc_w, recode_a.square().mean()),
            "recon_kl_cyc_bab": (s.recon_kl_cyc_w, recode_b.square().mean()),
            "adv_a": (s.gan_w, _scored(self.dis_a, x_ba, 1)),
            "adv_b": (s.gan_w, _scored(self.dis_b, x_ab, 1)),
        }
        if self.features is not None:
            norm = nn.functional.instance_norm
            for name, translated, source in (("vgg_a", x_ba, x_b), ("vgg_b", x_ab, x_a)):
                difference = norm(self.features(translated)) - norm(self.features(source))
                terms[name] = (s.vgg_w, difference.square().mean())
        total = torch.stack([factor * loss for factor, loss in terms.values()]).sum()
        total.backward()
        self.gen_optimizer.step()
        return {name: loss for name, (_, loss) in terms.items()} | {"total": total}


def _scored(discriminator: nn.Module, x: Tensor, wanted: float) -> Tensor:
    return torch.stack([(scores - wanted).square().mean() for scores in discriminator(x)]).sum()
