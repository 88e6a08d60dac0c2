"""Time a training step of the default profile, compared with plain PyTorch and with parts left out.

python -m benchmarks.joint_step
python -m benchmarks.joint_step --places 4 --height 120 --width 160
python -m benchmarks.joint_step --device cuda

A step has, for each place, a day query, its day positive and the night of the query. Each way runs in its own
process, from the same weights, on the same random images. They take turns step by step; the shortest time
counts, except the first. Memory is the peak of the process, torch included; on a GPU that of the GPU. There
the plain way uses PyTorch's defaults too: TF32 in convolutions.

The last way reads the frozen layers' output for the day images from memory. duskline does not do this: it is
a bound on what such a cache could save, which needs memory for every image, and no augmentation of day
images.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import click
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.turns import Turn, shortest, take_turns
from pipeline.compute.device.precision import autocast, device_of, numbers_of
from pipeline.compute.device.transfer import to_device
from pipeline.compute.distributed.group import ALONE, Group
from pipeline.runtime.memory import keep_freed_memory
from pipeline.vpr.models.aggregation import NetVLAD
from pipeline.vpr.models.backbones import Backbone
from pipeline.vpr.models.descriptor_model import NetworkSettings, Recogniser, build_network
from pipeline.vpr.retrieval.batchnorm_folding import folded_train_mode
from pipeline.vpr.training.losses import contrastive_loss
from pipeline.vpr.training.step import Learner, batch_norms

# The default profile's.
NETWORK = NetworkSettings(
    *("tf_efficientnet_lite0", "packaged", "blocks.3", "netvlad"), clusters=32, stride=16
)
# The query, its positive and its night of each place.
PICTURES = 3
TEMPERATURE = 0.05
LEARNING_RATE = 1e-3
WAYS = {
    "plain": "plain: float32, NCHW",
    "unfolded": "ours without folding",
    "ours": "ours",
    "kept_days": "bound: frozen day features cached",
}


def far_apart(descriptors: Tensor, rows: np.ndarray, group: Group) -> Tensor:
    """The contrastive loss of places that are all far apart."""
    near = torch.eye(len(rows), dtype=torch.bool, device=descriptors.device)
    return contrastive_loss(descriptors.unflatten(0, (-1, PICTURES)), near, TEMPERATURE, group)


class KeptDays(Recogniser):
    """A model that computes frozen layers only for nights: (places, 3, H, W) -> descriptors of all images.

    days: output of the frozen layers for the two day images of each place, (places, 2, C, h, w).
    """

    def __init__(self, backbone: Backbone, whole: Recogniser, days: Tensor) -> None:
        super().__init__(backbone, whole.aggregation, whole.descriptor_size)
        self.frozen, self.learning = backbone.frozen, backbone.learning
        self.days = days

    def forward(self, nights: Tensor) -> Tensor:
        """Descriptors in the order of a batch's images."""
        frozen = torch.cat([self.days, self.frozen(nights)[:, None]], 1).flatten(0, 1)
        features = self.learning(frozen.contiguous(memory_format=torch.channels_last))
        descriptors: Tensor = self.aggregation(features)
        return descriptors


def pictures_of(places: int, height: int, width: int) -> Tensor:
    """Smooth random images (3 * places, 3, H, W): those of a place are similar, its night is darker."""
    torch.manual_seed(1)
    coarse = torch.randn(places, 1, 3, 6, 8) + 0.3 * torch.randn(places, PICTURES, 3, 6, 8)
    coarse[:, 2] = coarse[:, 2] / 3 - 1
    return functional.interpolate(coarse.flatten(0, 1), size=(height, width), mode="bilinear")


def recogniser(images: Tensor) -> Recogniser:
    """The network of the default profile, with frozen batch norms and clusters from features of `images`."""
    torch.manual_seed(0)
    network = build_network(NETWORK).parts[0]
    for module in batch_norms(network):
        module.requires_grad_(requires_grad=False)
    with torch.no_grad():
        grids = functional.normalize(network.eval().backbone(images[:6]))
    features = grids.permute(0, 2, 3, 1).flatten(0, 2).numpy()
    assert isinstance(network.aggregation, NetVLAD)
    clusters = len(network.aggregation.centroids)
    network.aggregation.initialise(features[:: len(features) // clusters][:clusters], features)
    return network


def optimizer_of(network: nn.Module, *, fused: bool | None = None) -> torch.optim.Optimizer:
    """The optimizer of `training.py`."""
    learning = [value for value in network.parameters() if value.requires_grad]
    return torch.optim.Adam(learning, lr=LEARNING_RATE, fused=fused)


def simple_step(
    network: nn.Module, images: Tensor, rows: np.ndarray, numbers: str | None, device: torch.device
) -> Callable[[], float]:
    """A plain training step; it returns its loss.

    numbers: number format, None for the default of torch.
    """
    optimizer = optimizer_of(network)

    def step() -> float:
        network.train()
        for module in batch_norms(network):
            module.eval()
        with contextlib.nullcontext() if numbers is None else autocast(device, numbers):
            descriptors = network(images.to(device))
        loss = far_apart(descriptors.float(), rows, ALONE)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def kept_days(
    network: Recogniser, images: Tensor, numbers: str, device: torch.device
) -> tuple[KeptDays, Tensor]:
    """The network with cached day features, computed as in `Learner`, and the night images."""
    pictures = images.unflatten(0, (-1, PICTURES))
    days, nights = (
        part.contiguous(memory_format=torch.channels_last)
        for part in (pictures[:, :2].flatten(0, 1), pictures[:, 2])
    )
    network.eval()
    backbone = network.backbone
    assert isinstance(backbone, Backbone)
    with torch.no_grad(), autocast(device, numbers), folded_train_mode(network):
        frozen = backbone.frozen(to_device(days, device))
    return KeptDays(backbone, network, frozen.unflatten(0, (-1, 2))), nights


def step_of(
    way: str, places: int, height: int, width: int, threads: int, wish: str = "cpu"
) -> Callable[[], float]:
    """The timed work: a step that returns its loss."""
    torch.set_num_threads(threads)
    images = pictures_of(places, height, width)
    return step_of_network(way, recogniser(images), images, device_of(wish))


def step_of_network(
    way: str, network: nn.Module, images: Tensor, device: torch.device
) -> Callable[[], float]:
    """A step of any network on `images`, sorted by place.

    Ours reuses freed memory and keeps images and weights in channels-last format.
    """
    network.to(device)
    rows = np.zeros((len(images) // PICTURES, 2), np.int64)
    if way == "plain":
        return simple_step(network, images, rows, None, device)
    keep_freed_memory()
    network.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last)
    numbers = numbers_of(device, "auto")
    if way == "unfolded":
        return simple_step(network, images, rows, numbers, device)
    if way == "kept_days":
        assert isinstance(network, Recogniser)
        network, images = kept_days(network, images, numbers, device)
    optimizer = optimizer_of(network, fused=device.type == "cuda")
    learner = Learner(network, optimizer, far_apart, device, numbers, ALONE, "frozen")
    return lambda: learner.learn(images, rows).item()


@click.command()
@click.option("--places", default=16, show_default=True, help="Places of a step; each has three images.")
@click.option("--height", default=180, show_default=True, help="Of the images, pixels.")
@click.option("--width", default=240, show_default=True, help="Of the images, pixels.")
@click.option("--threads", default=2, show_default=True, help="Threads of each operation.")
@click.option("--rounds", default=6, show_default=True, help="Turns of each way; the first is not timed.")
@click.option(
    "--device", "wish", default="cpu", show_default=True, type=click.Choice(("cpu", "cuda")), help="Device."
)
def main(places: int, height: int, width: int, threads: int, rounds: int, wish: str) -> None:
    """Print seconds and memory of each way, and its speed-up over the plain one."""
    ways = {way: (way, places, height, width, threads, wish) for way in WAYS}
    turns = take_turns(step_of, ways, rounds)
    device = device_of(wish)
    auto = "bfloat16" if numbers_of(device, "auto") == "bfloat16" else "float32"
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"{threads} threads"
    print(f"{places} x {PICTURES} images of {width}x{height}, {where}; ours uses {auto}")
    for line in table(turns):
        print(line)


def table(turns: dict[str, list[Turn]]) -> Iterable[str]:
    """The lines: for each way the shortest time, the peak memory, and the loss of the first step."""
    plain = shortest(turns["plain"])
    yield f"{'':40}{'s/step':>8}{'x plain':>9}{'MiB':>7}{'first loss':>12}"
    for way, title in WAYS.items():
        first, last, seconds = turns[way][0], turns[way][-1], shortest(turns[way])
        yield f"{title:40}{seconds:8.3f}{plain / seconds:9.2f}{last.memory:7.0f}{first.value:12.4f}"


if __name__ == "__main__":
    main()
