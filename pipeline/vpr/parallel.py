"""One training run by several processes that `torchrun` started, as if it were one.

Each process takes some queries of each batch. Sums over the batch are made over all processes: batch norm's
statistics with their gradients, the loss, and the gradients of the weights; so the same batch gives the same
step as in one process, up to the rounding of sums. gloo connects processes on a CPU, NCCL those on CUDA
devices.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from pipeline.vpr.batch_norm import SharedBatchNorm
from pipeline.vpr.judging import BATCH, Extraction, Pictures
from pipeline.vpr.process_sums import process_sum


@dataclass(frozen=True)
class Group:
    """The processes of a run: how many, and which of them this is (from 0; the first one writes)."""

    size: int = 1
    rank: int = 0

    @property
    def writes(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def share(self, items: Any) -> Any:
        """Of a sequence or array what this process takes: pieces in order, of nearly equal lengths."""
        start, stop = (place * len(items) // self.size for place in (self.rank, self.rank + 1))
        return items[start:stop]

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over the processes, in one message."""
        values = list(tensors)
        if self.size == 1 or not values:
            return
        joined = torch.cat([value.flatten() for value in values])
        dist.all_reduce(joined)
        for value, summed in zip(values, joined.split([value.numel() for value in values]), strict=True):
            value.copy_(summed.view_as(value))

    def follow_first(self, network: nn.Module) -> None:
        """Give every process the weights and statistics of the first one."""
        if self.size > 1:
            for value in network.state_dict().values():
                dist.broadcast(value, 0)

    def joined(self, rows: Tensor, first: int, count: int) -> Tensor:
        """All rows (count, D) of a batch, of which this process has `rows`, (n, D), from `first` on.

        A gradient of them passes to the process that each row is of.
        """
        if self.size == 1:
            return rows
        # Of every row but its own a process adds zeros.
        return process_sum(functional.pad(rows, (0, 0, first, count - first - len(rows))))

    def gathered(self, rows: np.ndarray, count: int, device: torch.device) -> np.ndarray:
        """All rows (count, D) in order, of which each process has its `share`."""
        if self.size == 1:
            return rows
        longest = -(-count // self.size)
        mine = torch.zeros((longest, rows.shape[1]), device=device)
        mine[: len(rows)] = torch.from_numpy(rows)
        pieces = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(pieces, mine)
        lengths = [len(Group(self.size, rank).share(range(count))) for rank in range(self.size)]
        return torch.cat([piece[:n] for piece, n in zip(pieces, lengths, strict=True)]).cpu().numpy()


@contextlib.contextmanager
def joined_group(device: torch.device) -> Iterator[Group]:
    """Join the processes that `torchrun` started beside this one; without it, a group of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(size, dist.get_rank())
    finally:
        dist.destroy_process_group()


def device_of_process(device: torch.device) -> torch.device:
    """The CUDA device of this process among those on its machine; a CPU is everybody's."""
    if device.type != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)
    return own


@dataclass(frozen=True)
class SharedExtraction(Extraction):
    """Descriptors of which each process of `group` computes its share, and gets all."""

    group: Group = Group()

    def descriptors(self, network: nn.Module, pictures: Pictures, batch: int = BATCH) -> np.ndarray:
        """Descriptors of all pictures, in their order: (n, D), float32."""
        if len(pictures) < self.group.size:
            return super().descriptors(network, pictures, batch)
        mine = self.group.share(range(len(pictures)))
        rows = self._some(network, pictures, mine.start, len(mine), batch)
        return self.group.gathered(rows, len(pictures), self.device)


def share_batch_norm(network: nn.Module, group: Group) -> None:
    """Replace each batch norm by one over all processes, with its weights, statistics and names."""
    if group.size == 1:
        return
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.weight, shared.bias = child.weight, child.bias
                for buffer in ("running_mean", "running_var", "num_batches_tracked"):
                    setattr(shared, buffer, getattr(child, buffer))
                shared.train(child.training)
                setattr(module, name, shared)
