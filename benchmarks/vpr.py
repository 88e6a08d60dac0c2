"""Time a training step and descriptor extraction, compared with the VPR benchmark's way and plain PyTorch.

python -m benchmarks.vpr
python -m benchmarks.vpr --pictures 12 --height 240 --width 320

Each way runs in its own process, because some settings apply to a whole process, on the same random images
and weights; ways that are compared take turns, and the shortest time counts. The last column is the largest
difference of a descriptor value from that of the plain float32 way. On a GPU the plain ways use PyTorch's
defaults too: TF32 in convolutions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.turns import shortest, take_turns
from pipeline.compute.device.precision import autocast, device_of, numbers_of
from pipeline.compute.device.transfer import to_device
from pipeline.runtime.memory import keep_freed_memory
from pipeline.vpr.models.aggregation import NetVLAD
from pipeline.vpr.models.descriptor_model import NetworkSettings, Recogniser, build_network
from pipeline.vpr.retrieval.extraction import extract
from pipeline.vpr.training.losses import triplet_loss

MARGIN = 0.1
# Negatives of each query of a step.
NEGATIVES = 10
# Titles.
WAYS = {
    "loop": "step: clusters in a Python loop, float32, NCHW",
    "plain": "step: plain, float32, NCHW",
    "ours": "step: ours, float32",
    "ours_auto": "step: ours, autocast auto",
    "plain_extract": "descriptors: plain, float32, NCHW",
    "ours_extract": "descriptors: ours, float32",
    "ours_auto_extract": "descriptors: ours, autocast auto",
}
# Ways that take turns; the loop runs alone, because it needs several gigabytes.
GROUPS = (
    ("loop",),
    ("plain", "ours", "ours_auto"),
    ("plain_extract", "ours_extract", "ours_auto_extract"),
)


class LoopedNetVLAD(nn.Module):
    """NetVLAD as in the VPR benchmark: one cluster after the other."""

    def __init__(self, ours: NetVLAD) -> None:
        super().__init__()
        self.conv = ours.conv
        self.centroids = ours.centroids

    def forward(self, x: Tensor) -> Tensor:
        """Aggregate the grid."""
        x = functional.normalize(x)
        assignment = functional.softmax(self.conv(x).flatten(2), dim=1)
        features = x.flatten(2)
        sums = []
        for cluster in range(len(self.centroids)):
            residuals = features - self.centroids[cluster][None, :, None]
            sums.append((residuals * assignment[:, cluster : cluster + 1]).sum(2))
        return functional.normalize(functional.normalize(torch.stack(sums, 1), dim=2).flatten(1))


def network() -> Recogniser:
    """The paper's network: ResNet-18 to conv4, NetVLAD of 64 clusters; only conv4 and NetVLAD are trained."""
    torch.manual_seed(0)
    return build_network(NetworkSettings("resnet18conv4", "none", "late_layers", "netvlad", 64)).parts[0]


def training_step(
    recogniser: nn.Module, images: Tensor, numbers: str | None, device: torch.device
) -> Callable[[], Tensor]:
    """Gradients of a step in `numbers`, None for the default of torch; it returns the descriptors."""

    def step() -> Tensor:
        recogniser.train()
        placed = images.to(device) if numbers is None else to_device(images, device)
        with contextlib.nullcontext() if numbers is None else autocast(device, numbers):
            descriptors = recogniser(placed)
        recogniser.zero_grad(set_to_none=True)
        triplet_loss(descriptors.float(), NEGATIVES, MARGIN).backward()
        return descriptors.detach().float()

    return step


def plain_extraction(recogniser: nn.Module, images: Tensor, device: torch.device) -> Callable[[], Tensor]:
    """Plain descriptor extraction."""

    def descriptors() -> Tensor:
        with torch.no_grad():
            return torch.cat([recogniser.eval()(part.to(device)).cpu() for part in images.split(32)])

    return descriptors


def our_extraction(
    recogniser: nn.Module, images: Tensor, numbers: str, device: torch.device
) -> Callable[[], Tensor]:
    """Descriptor extraction as in the stage evaluate, without reading files."""

    def descriptors() -> Tensor:
        with autocast(device, numbers):
            found = extract(recogniser, lambda i: images[i], len(images), batch=32, device=device, workers=2)
        return torch.from_numpy(found)

    return descriptors


def work_of(way: str, size: tuple[int, int, int], wish: str, threads: int) -> Callable[[], np.ndarray]:
    """The timed work, which returns the descriptors.

    Ours reuses freed memory and keeps images and weights in channels-last format.
    """
    torch.set_num_threads(threads)
    device = device_of(wish)
    torch.manual_seed(1)
    images = torch.randn(size[0], 3, *size[1:])
    recogniser = network().to(device)
    if way == "loop":
        assert isinstance(recogniser.aggregation, NetVLAD)
        recogniser.aggregation = LoopedNetVLAD(recogniser.aggregation)
    if way.startswith("ours"):
        keep_freed_memory()
        recogniser.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    numbers = numbers_of(device, "auto") if "auto" in way else "off"
    if way == "plain_extract":
        work = plain_extraction(recogniser, images, device)
    elif way.endswith("extract"):
        work = our_extraction(recogniser, images, numbers, device)
    else:
        ours = numbers if way.startswith("ours") else None
        work = training_step(recogniser, images, ours, device)
    return lambda: work().cpu().numpy()


@click.command()
@click.option("--pictures", default=48, show_default=True, help="Images of a step and of an extraction.")
@click.option("--height", default=480, show_default=True, help="Of the images, pixels.")
@click.option("--width", default=640, show_default=True, help="Of the images, pixels.")
@click.option("--threads", default=2, show_default=True, help="Threads of each operation.")
@click.option("--rounds", default=4, show_default=True, help="Turns of each way; the first is not timed.")
@click.option("--loop-rounds", default=1, show_default=True, help="Turns of the loop; a single one is timed.")
@click.option(
    "--device", "wish", default="cpu", show_default=True, type=click.Choice(("cpu", "cuda")), help="Device."
)
def main(
    pictures: int,
    height: int,
    width: int,
    threads: int,
    rounds: int,
    loop_rounds: int,
    wish: str,
) -> None:
    """Print seconds of each way, and its speed-up over the loop and over the plain way."""
    if pictures % (2 + NEGATIVES):
        raise click.UsageError(f"--pictures must be a multiple of {2 + NEGATIVES}, not {pictures}")
    size = (pictures, height, width)
    times, found = {}, {}
    for group in GROUPS:
        ways = {way: (way, size, wish, threads) for way in group}
        for way, turns in take_turns(work_of, ways, loop_rounds if "loop" in group else rounds).items():
            times[way], found[way] = shortest(turns), turns[-1].value
    device = device_of(wish)
    auto = "bfloat16" if numbers_of(device, "auto") == "bfloat16" else "float32"
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{threads} threads"
    print(f"{pictures} images of {width}x{height}, {where}; auto is {auto}")
    print(f"{'':50}{'seconds':>9}{'x loop':>8}{'x plain':>9}  largest difference from plain")
    for way, title in WAYS.items():
        plain = "plain_extract" if way.endswith("extract") else "plain"
        against_loop = "" if plain == "plain_extract" else f"{times['loop'] / times[way]:.1f}"
        difference = float(np.abs(found[way] - found[plain]).max())
        print(
            f"{title:50}{times[way]:9.4f}{against_loop:>8}{times[plain] / times[way]:9.2f}  {difference:.1e}"
        )


if __name__ == "__main__":
    main()
