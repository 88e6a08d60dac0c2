"""Descriptors of many images, which threads read ahead of the network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.compute.device.transfer import to_device
from pipeline.compute.resources.memory import require_memory
from pipeline.runtime.errors import ParameterError, SetError
from pipeline.runtime.memory import keep_freed_memory
from pipeline.runtime.read_ahead import read_ahead
from pipeline.vpr.inputs.preprocessing import collate
from pipeline.vpr.retrieval.batchnorm_folding import folded_eval_mode
from pipeline.vpr.retrieval.memory_estimate import extraction_bytes, footprint


def extract(
    network: nn.Module,
    read: Callable[[int], Tensor],
    count: int,
    *,
    batch: int,
    device: torch.device,
    workers: int,
) -> np.ndarray:
    """Descriptors (count, D), float32, of the images `read(0)` ... `read(count - 1)`, (3, H, W) each.

    The network, (N, 3, H, W) to (N, D), runs in eval mode without gradients; afterwards, also after an error,
    each of its modules is in its old mode. `workers` threads read at most two batches ahead; their number
    does not change the result. An error of `read` is raised unchanged, and reads not yet started are dropped.
    Raises `SetError` when `count` is 0, `ParameterError` when `batch` or `workers` is below 1, and
    `DusklineError` before the first batch when there is too little memory.
    """
    if count < 1:
        raise SetError("there are no images to describe", hint="check the split and role that are read")
    for name, value in (("batch", batch), ("workers", workers)):
        if value < 1:
            raise ParameterError(f"{name} must be at least 1, found {value}")
    keep_freed_memory()
    # The number of dimensions is known after the first batch.
    descriptors = np.empty((0, 0), np.float32)
    starts = range(0, count, batch)
    parts = ([partial(read, n) for n in range(start, min(start + batch, count))] for start in starts)
    batches = contextlib.closing(read_ahead(parts, workers))
    with folded_eval_mode(network), torch.inference_mode(), batches as loaded:
        for start, views in zip(starts, loaded, strict=True):
            placed = to_device(collate(views), device)
            if start == 0:
                _require_room_for_features(network, placed)
            values = network(placed).float().cpu().numpy()
            if start == 0:
                _require_room_for_descriptors(count, values.shape[1])
                descriptors = np.empty((count, values.shape[1]), np.float32)
            descriptors[start : start + len(values)] = values
    return descriptors


def _require_room_for_features(network: nn.Module, images: Tensor) -> None:
    needed = extraction_bytes(footprint(network, images[:1], learning=False), len(images))
    what = f"describing {len(images)} images of {images.shape[3]}x{images.shape[2]} at once"
    require_memory(what, needed, images.device, "lower height and width, or set autocast: bfloat16")


def _require_room_for_descriptors(count: int, size: int) -> None:
    require_memory(
        f"{count:,} descriptors of {size:,} dimensions",
        4 * count * size,
        torch.device("cpu"),
        "use fewer images, an aggregation with a shorter descriptor (gem), or a machine with more memory",
    )
