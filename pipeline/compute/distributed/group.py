"""The processes that `torchrun` started for one task, and their communication.

gloo connects processes on a CPU, NCCL those on CUDA devices. Without `torchrun` the group is one process, and
nothing is sent.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional

from pipeline.compute.distributed.all_reduce import process_sum


@dataclass(frozen=True)
class Group:
    """The processes of a run: how many, and the number of this one (from 0; process 0 writes files)."""

    size: int = 1
    rank: int = 0

    @property
    def writes(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def share(self, items: Any) -> Any:
        """The part of a sequence or array for this process: consecutive parts of nearly equal length."""
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

    def from_first(self, value: Any, device: torch.device) -> Any:
        """The first process's `value` in every process: tensors (on `device`), numbers, or containers."""
        if self.size == 1:
            return value
        stream = io.BytesIO()
        if self.writes:
            torch.save(value, stream)
        message = [stream.getvalue()]
        dist.broadcast_object_list(message, 0)
        if self.writes:
            return value
        return torch.load(io.BytesIO(message[0]), map_location=device, weights_only=True)

    def all_gather_objects(self, word: str) -> list[str]:
        """The string of each process, in order."""
        words: list[Any] = [word] * self.size
        if self.size > 1:
            dist.all_gather_object(words, word)
        return words

    def joined_words(self, words: dict[str, str]) -> dict[str, str]:
        """The strings of all processes, in order; each process has those of its `share`."""
        parts = self.all_gather_objects(json.dumps(words))
        return {name: word for part in parts for name, word in json.loads(part).items()}

    def joined(self, rows: Tensor, first: int, count: int) -> Tensor:
        """All rows (count, D) of a batch, of which this process has `rows`, (n, D), from `first` on.

        The gradient of each row goes to the process that it comes from.
        """
        if self.size == 1:
            return rows
        # A process adds zeros for the rows of others.
        return process_sum(functional.pad(rows, (0, 0, first, count - first - len(rows))))

    def gathered(self, rows: np.ndarray, count: int, device: torch.device) -> np.ndarray:
        """All rows (count, D) in order; each process has its `share`."""
        if self.size == 1:
            return rows
        longest = -(-count // self.size)
        mine = torch.zeros((longest, rows.shape[1]), device=device)
        mine[: len(rows)] = torch.from_numpy(rows)
        pieces = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(pieces, mine)
        lengths = [len(Group(self.size, rank).share(range(count))) for rank in range(self.size)]
        return torch.cat([piece[:n] for piece, n in zip(pieces, lengths, strict=True)]).cpu().numpy()


ALONE = Group()


@contextlib.contextmanager
def joined_group(device: torch.device) -> Iterator[Group]:
    """Join the processes that `torchrun` started beside this one; without it, a group of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(size, dist.get_rank())
    finally:
        dist.destroy_process_group()


def device_of_process(device: torch.device) -> torch.device:
    """The CUDA device of this process on its machine; a CPU is shared by all."""
    if device.type != "cuda" or "LOCAL_RANK" not in os.environ:
        return device
    own = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(own)
    return own
