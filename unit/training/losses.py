"""The losses of UNIT: two VAE-GANs with a shared code and a cycle (Liu, Breuel, Kautz, NIPS 2017).

Under autocast networks return bfloat16; the losses are always computed in float32.
Names: x_ab is an image of a translated to b, x_aa its reconstruction, x_aba its translation to b and back.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from unit.network.network import Generator
from unit.training.settings import TrainSettings

# (N, 3, H, W) in -1..1 to a feature map (N, C, H', W').
Features = Callable[[Tensor], Tensor]
# Images (N, 3, H, W) in -1..1 to one map of scores per scale.
Judge = Callable[[Tensor], list[Tensor]]
# A part of a generator and its input, to its output.
Through = Callable[[nn.Module, Tensor], Tensor]
# Added to brightness (0..1) before the log, so that noise in the dark is not an edge; and the gradient of the
# log (1 / pixel) at which an edge counts half.
_DARK, _HALF_EDGE = 0.05, 0.1


@dataclass(frozen=True)
class Noise:
    """Unit Gaussian noise for the codes of a and of b, and for the codes of their translations."""

    a: Tensor
    b: Tensor
    recoded_a: Tensor
    recoded_b: Tensor


@dataclass(frozen=True)
class Translations:
    """A batch of images of each domain, their codes (without noise), and their translations.

    With the graph for their gradients.
    """

    x_a: Tensor
    x_b: Tensor
    code_a: Tensor
    code_b: Tensor
    x_aa: Tensor
    x_bb: Tensor
    x_ab: Tensor
    x_ba: Tensor
    recode_a: Tensor
    recode_b: Tensor
    x_aba: Tensor
    x_bab: Tensor


def kept(network: nn.Module, x: Tensor) -> Tensor:
    """Run `network` on `x`, with all activations kept for the gradients."""
    y: Tensor = network(x)
    return y


def recomputed(network: nn.Module, x: Tensor) -> Tensor:
    """Run `network` on `x`, and again for its gradients: only `x` is kept in between."""
    y: Tensor = checkpoint(network, x, use_reentrant=False, preserve_rng_state=False)
    return y


def translate_both_ways(
    a: Generator, b: Generator, x_a: Tensor, x_b: Tensor, noise: Noise, through: Through = kept
) -> Translations:
    """Encode, reconstruct, translate and translate back both batches, (N, 3, H, W) in -1..1 each.

    The same noise is used for decoding in both domains. Each decoder decodes both codes as one batch, only
    for speed: every norm of the generator is per sample. `through` runs each encoder and decoder: `kept` or
    `recomputed`.
    """
    code_a, code_b = through(a.enc, x_a), through(b.enc, x_b)
    noisy = torch.cat((code_a + noise.a, code_b + noise.b))
    x_aa, x_ba = through(a.dec, noisy).split((len(x_a), len(x_b)))
    x_ab, x_bb = through(b.dec, noisy).split((len(x_a), len(x_b)))
    recode_a, recode_b = through(b.enc, x_ab), through(a.enc, x_ba)
    x_aba = through(a.dec, recode_a + noise.recoded_a)
    x_bab = through(b.dec, recode_b + noise.recoded_b)
    return Translations(x_a, x_b, code_a, code_b, x_aa, x_bb, x_ab, x_ba, recode_a, recode_b, x_aba, x_bab)


def discriminator_loss(discriminator: Judge, fake: Tensor, real: Tensor) -> Tensor:
    """Least-squares GAN loss: target 0 for translated images, 1 for real ones; summed over the scales."""
    fakes = [scores.float().square().mean() for scores in discriminator(fake)]
    reals = [(scores.float() - 1).square().mean() for scores in discriminator(real)]
    return torch.stack(fakes + reals).sum()


def adversarial_loss(discriminator: Judge, fake: Tensor) -> Tensor:
    """Least-squares GAN loss of the generator: the target is 1; summed over the scales."""
    return torch.stack([(scores.float() - 1).square().mean() for scores in discriminator(fake)]).sum()


def l1(x: Tensor, y: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (x.float() - y).abs().mean()


def code_loss(code: Tensor) -> Tensor:
    """UNIT's "KL" term: the mean of the squared code, which keeps it near the unit Gaussian."""
    return code.float().square().mean()


def perceptual_loss(translated: Tensor, source: Tensor) -> Tensor:
    """Mean squared difference of two feature maps (N, C, H, W) after an instance norm without parameters."""
    norm = nn.functional.instance_norm
    difference = norm(translated.float(), eps=1e-5) - norm(source.float(), eps=1e-5)
    return difference.square().mean()


def edge_loss(night: Tensor, day: Tensor) -> Tensor:
    """How far the edges of `night` are from those of `day`, both (N, 3, H, W) in -1..1; 0 for the same edges.

    An edge is a gradient g of the logarithm of brightness, which smooth illumination does not change. As in
    the normalised gradient fields of Haber and Modersitzki (2006), its direction counts, not its sign (a lit
    window is a dark one inverted), and hardly its strength: the terms compared are g g' / (|g|^2 + 0.1^2), so
    an edge that the night lost and one that it invented both cost up to 1.
    """
    return sum(
        ((one - other).square().mean() for one, other in zip(_edges(night), _edges(day), strict=True)),
        start=night.new_zeros(()).float(),
    )


@functools.cache
def _sobel(device: torch.device) -> tuple[Tensor, Tensor]:
    """Filters (1, 1, 3, 3) of the gradient along x and along y; sent to a device once."""
    # Cached: the next caller may need gradients, which inference tensors do not allow.
    with torch.inference_mode(mode=False):
        smooth, slope = torch.tensor([1.0, 2.0, 1.0]) / 4, torch.tensor([-1.0, 0.0, 1.0]) / 2
        along_x, along_y = (
            (rows[:, None] * columns)[None, None] for rows, columns in ((smooth, slope), (slope, smooth))
        )
        return along_x.to(device), along_y.to(device)


def _edges(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Each pixel's normalised g g' of (N, 3, H, W): xx, yy, and xy times root 2."""
    brightness = (x.float().mean(dim=1, keepdim=True) + 1) / 2
    log = (brightness.clamp_min(0) + _DARK).log()
    gx, gy = (nn.functional.conv2d(log, filter_) for filter_ in _sobel(log.device))
    scale = 1 / (gx.square() + gy.square() + _HALF_EDGE**2)
    return gx.square() * scale, gy.square() * scale, gx * gy * scale * math.sqrt(2)


def generator_losses(
    t: Translations,
    dis_a: Judge,
    dis_b: Judge,
    features: Features | None,
    *,
    edges: bool = False,
) -> dict[str, Tensor]:
    """The unweighted terms of the generators' loss, by name.

    `features` computes the maps of the perceptual terms, which are left out without it. `edges` adds the term
    of `edge_loss`, with b as the night.
    """
    losses = {
        "recon_x_a": l1(t.x_aa, t.x_a),
        "recon_x_b": l1(t.x_bb, t.x_b),
        "recon_kl_a": code_loss(t.code_a),
        "recon_kl_b": code_loss(t.code_b),
        "cyc_x_a": l1(t.x_aba, t.x_a),
        "cyc_x_b": l1(t.x_bab, t.x_b),
        "recon_kl_cyc_aba": code_loss(t.recode_a),
        "recon_kl_cyc_bab": code_loss(t.recode_b),
        "adv_a": adversarial_loss(dis_a, t.x_ba),
        "adv_b": adversarial_loss(dis_b, t.x_ab),
    }
    if features is not None:
        losses["vgg_a"] = perceptual_loss(features(t.x_ba), features(t.x_b))
        losses["vgg_b"] = perceptual_loss(features(t.x_ab), features(t.x_a))
    if edges:
        losses["edge_b"] = edge_loss(t.x_ab, t.x_a)
    return losses


def total_loss(losses: dict[str, Tensor], settings: TrainSettings) -> Tensor:
    """The sum of `generator_losses`, each with its weight in the settings."""
    factor = {
        "recon_x": settings.recon_x_w,
        "recon_kl": settings.recon_kl_w,
        "cyc_x": settings.cyc_x_w,
        "recon_kl_cyc": settings.recon_kl_cyc_w,
        "adv": settings.gan_w,
        "vgg": settings.vgg_w,
        "edge": settings.edge_w,
    }
    return torch.stack([factor[name.rpartition("_")[0]] * loss for name, loss in losses.items()]).sum()
