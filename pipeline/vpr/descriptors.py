"""Descriptors of many pictures: read by threads ahead of the network, kept in order."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.core.errors import SetError


def extract(
    network: nn.Module,
    read: Callable[[int], Tensor],
    count: int,
    *,
    batch: int,
    device: torch.device,
    workers: int,
) -> np.ndarray:
    """Descriptors (count, D), float32, of the pictures `read(0)` ... `read(count - 1)`, (3, H, W) each.

    The network runs in eval mode without gradients and is put back into its mode. `workers` threads read at
    most two batches ahead; their number changes nothing.
    """
    if count < 1:
        raise SetError("there are no pictures to describe")
    descriptors: np.ndarray | None = None
    with _evaluating(network), torch.inference_mode():
        for start, images in _batches(read, count, batch, workers):
            placed = images.to(device).contiguous(memory_format=torch.channels_last)
            values = network(placed).float().cpu().numpy()
            if descriptors is None:
                descriptors = np.empty((count, values.shape[1]), np.float32)
            descriptors[start : start + len(values)] = values
    assert descriptors is not None
    return descriptors


def _batches(
    read: Callable[[int], Tensor], count: int, batch: int, workers: int
) -> Iterator[tuple[int, Tensor]]:
    with ThreadPoolExecutor(workers) as pool:
        pending: deque[Future[Tensor]] = deque()
        submitted = 0
        try:
            for start in range(0, count, batch):
                while submitted < min(count, start + 3 * batch):
                    pending.append(pool.submit(read, submitted))
                    submitted += 1
                wanted = min(batch, count - start)
                yield start, torch.stack([pending.popleft().result() for _ in range(wanted)])
        finally:
            for future in pending:
                future.cancel()


@contextlib.contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    before = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(before)
