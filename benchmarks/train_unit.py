"""Time a training step of the translator, and compare its losses with plain PyTorch.

python -m benchmarks.train_unit --height 128 --width 128
python -m benchmarks.train_unit --dim 16 --height 64 --width 64 --curves 200

Each way runs in its own process, because memory settings apply to a whole process, from the same weights, on
the same images and with the same noise. They take turns step by step, so that a busy machine slows them all;
the shortest time counts, except the first step. The images are smooth and random, bright by day and dark by
night; VGG-16, if used, has random weights, which take the same time.

Curves are compared by the means of each loss over windows of steps; the largest difference counts.
Adversarial training amplifies every difference: ours with autocast off computes the same sums in another
order, so its column shows the effect of rounding alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal

import click
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.plain_unit import PlainTrainer
from benchmarks.turns import Turn, shortest, take_turns
from pipeline.runtime.memory import keep_freed_memory
from unit.training.settings import TrainSettings
from unit.training.step import Trainer
from unit.training.vgg import VggFeatures

# Title, autocast ("off" or "bfloat16"), and whether activations are recomputed.
WAYS: dict[str, tuple[str, Literal["off", "bfloat16"], bool]] = {
    "plain": ("plain: float32, NCHW, two passes", "off", False),
    "float32": ("ours, autocast off", "off", False),
    "bfloat16": ("ours, autocast bfloat16", "bfloat16", False),
    "checkpointing": ("ours, autocast bfloat16, checkpointing", "bfloat16", True),
}


def settings_of(dim: int, size: tuple[int, int], seed: int, way: str, *, vgg: bool) -> TrainSettings:
    """The settings of the published training, at another size."""
    _, autocast, checkpointing = WAYS[way]
    return TrainSettings(
        dim=dim, n_downsample=2, n_res=4,
        dis_dim=dim, n_layer=4, num_scales=3, dis_norm="none", dis_augment=False,
        lr=1e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4, step_size=100_000, gamma=0.5,
        gan_w=1.0, recon_x_w=10.0, recon_kl_w=0.01, cyc_x_w=10.0, recon_kl_cyc_w=0.01,
        vgg_w=1.0 if vgg else 0.0, edge_w=0.0, vgg_input="caffe",
        shorter_side=min(size), zoom=1.0, crop_height=size[0], crop_width=size[1],
        batch=1, iterations=1, tied_iterations=0, ema_decay=0.0,
        autocast=autocast, checkpointing=checkpointing, keep="last", export="float32",
        save_every=1, sheet_every=0, seed=seed,
    )  # fmt: skip


def picture(iteration: int, domain: int, size: tuple[int, int]) -> Tensor:
    """A smooth random image (1, 3, H, W): around 0.3 by day (`domain` 0), around -0.5 by night."""
    generator = torch.Generator().manual_seed(2 * iteration + domain)
    coarse = torch.rand(1, 3, 8, 8, generator=generator) - 0.5 + (0.3, -0.5)[domain]
    return functional.interpolate(coarse, size=size, mode="bicubic").clamp(-1, 1)


def step_of(way: str, settings: TrainSettings, device: str, threads: int) -> Callable[[], dict[str, float]]:
    """The timed work: the step of the next iteration, its images included; it returns its losses."""
    torch.set_num_threads(threads)
    size = (settings.crop_height, settings.crop_width)
    torch.manual_seed(0)
    features = None
    if settings.vgg_w:
        features = VggFeatures("caffe").requires_grad_(requires_grad=False).to(device)
    if way == "plain":
        start = Trainer(settings, device)
        # The default of PyTorch: TF32 in convolutions on a GPU.
        torch.backends.cudnn.allow_tf32 = True
        plain = PlainTrainer(settings, start, features)
    else:
        keep_freed_memory()
        if features is not None:
            features.to(memory_format=torch.channels_last)
        ours = Trainer(settings, device, features)
    iterations = itertools.count()

    def step() -> dict[str, float]:
        iteration = next(iterations)
        days, nights = (picture(iteration, domain, size) for domain in (0, 1))
        if way == "plain":
            days, nights = days.to(device), nights.to(device)
            losses = plain.step(days, nights, start._noise(iteration, days))
        else:
            losses = ours.step(days, nights, iteration)
        return {name: value.item() for name, value in losses.items()}

    return step


def largest_deviation(ours: Sequence[Turn], plain: Sequence[Turn], term: str, window: int) -> float:
    """The largest difference of the means of a loss over `window` steps, as a share of the plain one."""
    mine, theirs = (
        np.array(
            [
                np.mean([turn.value[term] for turn in turns[start : start + window]])
                for start in range(0, len(turns), window)
            ]
        )
        for turns in (ours, plain)
    )
    return float(np.max(np.abs(mine - theirs) / theirs))


@click.command()
@click.option("--dim", default=64, show_default=True, help="Channels of the first layers.")
@click.option("--height", default=288, show_default=True, help="Of the crops, pixels.")
@click.option("--width", default=512, show_default=True, help="Of the crops, pixels.")
@click.option("--vgg/--no-vgg", default=False, show_default=True, help="With the perceptual loss.")
@click.option("--steps", default=4, show_default=True, help="Steps of each way; the first is not timed.")
@click.option("--curves", default=0, show_default=True, help="Number of steps instead, with loss curves.")
@click.option("--window", default=50, show_default=True, help="Steps over which curves are averaged.")
@click.option("--seed", default=0, show_default=True, help="Seed of weights and noise.")
@click.option("--threads", default=1, show_default=True, help="Threads of each operation.")
@click.option(
    "--device", default="cpu", show_default=True, type=click.Choice(("cpu", "cuda")), help="Device."
)
def main(
    dim: int,
    height: int,
    width: int,
    vgg: bool,
    steps: int,
    curves: int,
    window: int,
    seed: int,
    threads: int,
    device: str,
) -> None:
    """Print seconds per step of each way and, with --curves, the deviation of losses from the plain one."""
    ways = {
        way: (way, settings_of(dim, (height, width), seed, way, vgg=vgg), device, threads) for way in WAYS
    }
    turns = take_turns(step_of, ways, curves or steps)
    where = torch.cuda.get_device_name() if device == "cuda" else f"{threads} threads"
    print(f"dim {dim}, 1 + 1 images of {width}x{height}, {where}, torch {torch.__version__}")
    report_times(turns)
    if curves:
        report_curves(turns, window)


def report_times(turns: dict[str, list[Turn]]) -> None:
    """Print the shortest seconds of each way."""
    plain = shortest(turns["plain"])
    print(f"{'':42}{'s/step':>8}{'x plain':>9}{'GiB':>7}")
    for way, (title, *_) in WAYS.items():
        seconds, memory = shortest(turns[way]), turns[way][-1].memory / 1024
        print(f"{title:42}{seconds:8.3f}{plain / seconds:9.2f}{memory:7.2f}")


def report_curves(turns: dict[str, list[Turn]], window: int) -> None:
    """Print the largest deviation of each loss from the plain one."""
    print(f"largest deviation from plain, in %, of means over {window} of {len(turns['plain'])} steps")
    others = [way for way in WAYS if way != "plain"]
    print(f"{'':20}" + "".join(f"{way:>15}" for way in others))
    for term in turns["plain"][0].value:
        shares = [largest_deviation(turns[way], turns["plain"], term, window) for way in others]
        print(f"{term:20}" + "".join(f"{100 * share:15.3f}" for share in shares))


if __name__ == "__main__":
    main()
