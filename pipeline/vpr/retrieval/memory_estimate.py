"""Memory of networks: what they will take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

# Fragments, scratch space of convolutions and what else was not counted, as a share of what was; measured.
_UNCOUNTED = 0.3


@dataclass(frozen=True)
class Footprint:
    """Bytes that a network takes for each image, beside its input.

    kept: what the backward pass needs again. passing: input and output of its largest layer; learning: of its
    largest layer that gradients pass.
    """

    kept: int
    passing: int
    learning: int


def footprint(network: nn.Module, picture: Tensor, *, learning: bool) -> Footprint:
    """Measure it on `picture` (1, 3, H, W), in the mode it is in: in train mode batch norm's statistics move.

    `learning`: as in a training step, and on two images, for of one its smallest grids may have a single
    place, of which there are no statistics.
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
            # Held until the end, so that no address is used twice.
            held = network(picture)
            del held
    finally:
        for hook in hooks:
            hook.remove()
    return Footprint(*(size // pictures for size in (sum(kept.values()), passing[0], taught[0])))


def step_bytes(found: Footprint, pictures: int, weights: int) -> int:
    """Peak of a training step of so many images: what is kept and passes, gradients, Adam's means.

    `weights`: bytes of those that learn.
    """
    # Frozen layers come first and keep nothing; a gradient is as large as what it belongs to.
    counted = pictures * max(2 * found.passing, found.kept + 3 * found.learning) + 3 * weights
    return round(counted * (1 + _UNCOUNTED))


def extraction_bytes(found: Footprint, batch: int) -> int:
    """Peak of describing `batch` images at once, beside their descriptors."""
    return round(batch * 2 * found.passing * (1 + _UNCOUNTED))
