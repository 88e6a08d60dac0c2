"""How fast a step of UNIT's training is beside a plain eager one, and whether both learn the same.

python -m benchmarks.train_unit
python -m benchmarks.train_unit --dim 64 --height 288 --width 512 --batch 1 --steps 2
python -m benchmarks.train_unit --dim 8 --height 64 --width 64 --curves 200

The plain step is the published one written down frankly: float32, torch's own instance norm, an optimizer
that goes from weight to weight, and for each of its two updates translations of its own. Every way is timed
in processes of its own, for some settings hold for a whole process; they take turns, and the shortest time of
a step counts. With `--curves` the ways start from the same weights and see the same crops and noise for so
many steps; beside each loss term stands how far its mean over those steps lies from the plain way's.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import defaultdict

import click
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.core.memory import keep_freed_memory
from unit.losses import Noise, discriminator_loss, generator_losses, total_loss, translate_both_ways
from unit.network import UnitInstanceNorm
from unit.train_settings import TrainSettings
from unit.train_step import Trainer

WAYS = ("plain", "ours, float32", "ours, bfloat16")
ROUNDS = 2
# No picture is read: a crop is smooth noise, so that there is something to learn.
CROPS = 8


class TorchInstanceNorm(nn.Module):
    """Instance norm by the function of that name."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        return F.instance_norm(x, eps=1e-5)


class PlainTrainer(Trainer):
    """Networks, noise and schedule of a `Trainer`, with a plain step."""

    def __init__(self, settings: TrainSettings) -> None:
        super().__init__(settings)
        for network in (self.a, self.b):
            for module in list(network.modules()):
                for name, child in module.named_children():
                    if isinstance(child, UnitInstanceNorm):
                        setattr(module, name, TorchInstanceNorm())
        betas = (settings.beta1, settings.beta2)
        self.gen_optimizer, self.dis_optimizer = (
            torch.optim.Adam(
                [*one.parameters(), *other.parameters()],
                lr=settings.lr,
                betas=betas,
                weight_decay=settings.weight_decay,
                foreach=False,
            )
            for one, other in ((self.a, self.b), (self.dis_a, self.dis_b))
        )

    def step(self, x_a: Tensor, x_b: Tensor, iteration: int) -> dict[str, Tensor]:
        """One update of the discriminators, then one of the generators."""
        self._set_learning_rate(iteration)
        noise = Noise(*self._noise(iteration, x_a))
        self.dis_optimizer.zero_grad()
        t = translate_both_ways(self.a, self.b, x_a, x_b, noise)
        judged = {
            "dis_a": discriminator_loss(self.dis_a, t.x_ba.detach(), x_a),
            "dis_b": discriminator_loss(self.dis_b, t.x_ab.detach(), x_b),
        }
        (self.settings.gan_w * (judged["dis_a"] + judged["dis_b"])).backward()
        self.dis_optimizer.step()
        self.gen_optimizer.zero_grad()
        t = translate_both_ways(self.a, self.b, x_a, x_b, noise)
        losses = generator_losses(t, x_a, x_b, self.dis_a, self.dis_b, None)
        total = total_loss(losses, self.settings.weights)
        total.backward()
        self.gen_optimizer.step()
        return {name: loss.detach() for name, loss in (judged | losses | {"total": total}).items()}


def settings_of(dim: int, height: int, width: int, batch: int, autocast: str) -> TrainSettings:
    """The published settings but for the sizes, without the perceptual term."""
    return TrainSettings(
        dim=dim, n_downsample=2, n_res=4, dis_dim=dim, n_layer=4, num_scales=3, dis_norm="none",
        lr=1e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4, step_size=100_000, gamma=0.5,
        gan_w=1, recon_x_w=10, recon_kl_w=0.01, cyc_x_w=10, recon_kl_cyc_w=0.01, vgg_w=0,
        shorter_side=min(height, width), crop_height=height, crop_width=width, batch=batch,
        iterations=1_000_000, tied_iterations=0, ema_decay=0, autocast=autocast,  # type: ignore[arg-type]
        checkpointing="off", export="float32", save_every=5_000, sheet_every=0, seed=0,
    )  # fmt: skip


def trainer_of(way: str, settings: TrainSettings) -> Trainer:
    """A trainer at its start, in a process that is set up as its way is."""
    if way == "plain":
        return PlainTrainer(settings)
    keep_freed_memory()
    return Trainer(settings, threads=min(settings.batch, torch.get_num_threads()))


def crops_of(settings: TrainSettings, iteration: int) -> tuple[Tensor, Tensor]:
    """Batches of both domains, (N, 3, H, W) in -1..1: bright, and dark with bright spots."""
    rng = torch.Generator().manual_seed(iteration % CROPS)
    size = settings.crop_height, settings.crop_width
    coarse = torch.rand((2, settings.batch, 3, size[0] // 8, size[1] // 8), generator=rng) * 2 - 1
    day, night = (F.interpolate(x, size, mode="bilinear") for x in coarse)
    return (day * 0.5 + 0.4).clamp(-1, 1), (night.clamp(0.5, 1) * 3.6 - 2.7).clamp(-1, 1)


def run(way: str, settings: TrainSettings, steps: int) -> tuple[float, dict[str, float]]:
    """Seconds of the quickest step after the first, and each term's mean over all."""
    trainer = trainer_of(way, settings)
    seconds, sums = [], defaultdict(float)
    for iteration in range(steps + 1):
        started = time.perf_counter()
        losses = trainer.step(*crops_of(settings, iteration), iteration)
        seconds.append(time.perf_counter() - started)
        for name, loss in losses.items():
            sums[name] += float(loss) / (steps + 1)
    return min(seconds[1:]), dict(sums)


def in_own_process(way: str, sizes: tuple[int, ...], steps: int) -> tuple[float, dict[str, float]]:
    """The result of `run` in a fresh process."""
    names = ("--dim", "--height", "--width", "--batch")
    options = [word for name, size in zip(names, sizes, strict=True) for word in (name, str(size))]
    command = [sys.executable, "-m", "benchmarks.train_unit", *options, "--steps", str(steps), "--way", way]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    means = (line.split() for line in printed[1:] if line)
    return float(printed[0]), {name: float(mean) for name, mean in means}


@click.command()
@click.option("--dim", default=16, help="Channels of the first layers.")
@click.option("--height", default=128, help="Pixels of the crops.")
@click.option("--width", default=128, help="Pixels of the crops.")
@click.option("--batch", default=2, help="Crops of each domain.")
@click.option("--steps", default=8, help="Timed steps of a process.")
@click.option("--curves", default=0, help="Compare the losses of so many steps instead.")
@click.option("--way", type=click.Choice(WAYS), default=None, hidden=True)
def main(dim: int, height: int, width: int, batch: int, steps: int, curves: int, way: str | None) -> None:
    """Print seconds of a step and how often the plain one's speed that is, or what the curves say."""
    sizes = (dim, height, width, batch)
    if way is not None:
        autocast = "bfloat16" if way.endswith("bfloat16") else "off"
        best, means = run(way, settings_of(*sizes, autocast), steps)
        click.echo("\n".join([str(best), *(f"{name} {mean}" for name, mean in means.items())]))
        return
    click.echo(f"dim {dim}, {batch} crops of {width}x{height}, {torch.get_num_threads()} threads")
    if curves:
        _, wanted = in_own_process("plain", sizes, curves - 1)
        for other in WAYS[1:]:
            _, found = in_own_process(other, sizes, curves - 1)
            click.echo(f"{other}, means over {curves} steps:")
            for name, mean in found.items():
                click.echo(
                    f"  {name:<18} {mean:9.5f} plain {wanted[name]:9.5f} {mean / wanted[name] - 1:+8.2%}"
                )
        return
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(ROUNDS):
        for each in WAYS:
            best[each] = min(best[each], in_own_process(each, sizes, steps)[0])
    for each, seconds in best.items():
        click.echo(f"{each:<16} {seconds:8.3f} s a step {best['plain'] / seconds:6.2f}x")


if __name__ == "__main__":
    main()
