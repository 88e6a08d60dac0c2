"""Estimate the memory that a network needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# Fragmentation, workspace of convolutions and other uncounted memory, as a share of the counted; measured.
_UNCOUNTED = 0.3


@dataclass(frozen=True)
class Footprint:
    """Bytes that a network needs for each image, without its input.

    kept: stored for the backward pass. passing: input and output of its largest layer; learning: of its
    largest layer with gradients.
    """

    kept: int
    passing: int
    learning: int


def footprint(network: nn.Module, picture: Tensor, *, learning: bool) -> Footprint:
    """Measure it on `picture` (1, 3, H, W), in the current mode: train mode updates batch norm statistics.

    `learning`: as in a training step, and on two images, because with one image the smallest grids may have a
    single location, for which there are no statistics.
    """
    pictures = 2 if learning else 1
    picture = picture.repeat(pictures, 1, 1, 1).contiguous(memory_format=torch.channels_last)
    own = {value.data_ptr() for value in network.state_dict().values()} | {picture.data_ptr()}
    kept: dict[int, int] = {}
    passing, taught = [0], [0]

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    def watch(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
        size = sum(value.nbytes for value in tensors)
        passing[0] = max(passing[0], size)
        if any(value.requires_grad for value in tensors):
            taught[0] = max(taught[0], size)

    leaves = [module for module in network.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(watch) for module in leaves]
    try:
        with (
            torch.set_grad_enabled(learning),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        ):
            # Keep the output until the end, so that no address is reused.
            held = network(picture)
            del held
    finally:
        for hook in hooks:
            hook.remove()
    return Footprint(*(size // pictures for size in (sum(kept.values()), passing[0], taught[0])))


def step_bytes(found: Footprint, pictures: int, weights: int) -> int:
    """Peak memory of a training step of this many images: activations, gradients, Adam's means.

    `weights`: bytes of the trainable weights.
    """
    # Frozen layers come first and store nothing; a gradient is as large as its tensor.
    counted = pictures * max(2 * found.passing, found.kept + 3 * found.learning) + 3 * weights
    return round(counted * (1 + _UNCOUNTED))


def extraction_bytes(found: Footprint, batch: int) -> int:
    """Peak memory of describing `batch` images at once, without their descriptors."""
    return round(batch * 2 * found.passing * (1 + _UNCOUNTED))
