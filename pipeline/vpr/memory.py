"""Memory of networks: what they will take, what there is, and freed blocks that are used again."""

from __future__ import annotations

import copy
import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.core.errors import DusklineError

# glibc's names for mallopt: blocks that are mapped one by one, and free room at the end that is given back.
_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4
_NEVER = 2**31 - 1
# Fragments, scratch space of convolutions and what else was not counted, as a share of what was; measured.
_UNCOUNTED = 0.3
_GROUPS = Path("/sys/fs/cgroup")
_MEMORY = Path("/proc/meminfo")
# Limit, use and statistics below the groups' folder: of version 2, and of version 1.
_LIMITS = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


@dataclass(frozen=True)
class Appetite:
    """Bytes that a network takes for each picture, beside its input.

    kept: what the backward pass needs again. passing: input and output of its largest layer.
    """

    kept: int
    passing: int


def reuse_freed_memory() -> None:
    """Let this process keep the memory of freed tensors for the next ones (glibc; elsewhere nothing changes).

    By default each large tensor is mapped from the system and given back, and its pages are cleared again and
    again: on a CPU that is a third of a step's time.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_MAX, 0)
        library.mallopt(_M_TRIM_THRESHOLD, _NEVER)


def appetite(network: nn.Module, picture: Tensor, *, learning: bool) -> Appetite:
    """Measure it on one `picture` (1, 3, H, W); the network stays as it is.

    `learning`: as in a training step, on a copy, for batch norm's statistics would move.
    """
    watched = copy.deepcopy(network).train() if learning else network
    own = {value.data_ptr() for value in watched.state_dict().values()} | {picture.data_ptr()}
    kept: dict[int, int] = {}
    passing = [0]

    def keep(value: Tensor) -> Tensor:
        storage = value.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return value

    def watch(_: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        tensors = [value for value in (*inputs, output) if isinstance(value, Tensor)]
        passing[0] = max(passing[0], sum(value.nbytes for value in tensors))

    leaves = [module for module in watched.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(watch) for module in leaves]
    try:
        with (
            torch.set_grad_enabled(learning),
            torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value),
        ):
            # Held until the end, so that no address is used twice.
            held = watched(picture)
            del held
    finally:
        for hook in hooks:
            hook.remove()
    return Appetite(sum(kept.values()), passing[0])


def step_bytes(found: Appetite, pictures: int, weights: int) -> int:
    """Peak of a training step of so many pictures: what is kept and passes, gradients, Adam's means.

    `weights`: bytes of those that learn.
    """
    counted = pictures * (found.kept + 1.5 * found.passing) + 3 * weights
    return round(counted * (1 + _UNCOUNTED))


def extraction_bytes(found: Appetite, batch: int) -> int:
    """Peak of describing `batch` pictures at once, beside their descriptors."""
    return round(batch * 2 * found.passing * (1 + _UNCOUNTED))


def available_bytes(device: torch.device) -> int:
    """What this process may still take: of the device, or of the machine and its control groups."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free
    if not _MEMORY.is_file():
        return sys.maxsize
    lines = dict(line.split(":", 1) for line in _MEMORY.read_text().splitlines())
    machine = int(lines["MemAvailable"].split()[0]) * 1024
    return min(machine, *(_left_in_group(*names) for names in _LIMITS))


def _left_in_group(limit: str, used: str, statistics: str) -> int:
    """What the control group leaves, of which files that are only cached count as free."""
    if not (_GROUPS / limit).is_file():
        return sys.maxsize
    most = (_GROUPS / limit).read_text().strip()
    if most == "max":
        return sys.maxsize
    values = dict(line.split() for line in (_GROUPS / statistics).read_text().splitlines())
    taken = int((_GROUPS / used).read_text()) - int(values.get("inactive_file", 0))
    return max(0, int(most) - taken)


def require_memory(what: str, needed: int, device: torch.device, hint: str) -> None:
    """Raise `DusklineError` when `needed` bytes are more than there are."""
    there = available_bytes(device)
    if needed > there:
        raise DusklineError(
            f"{what} would take about {needed / 1e9:.1f} GB of memory, but {there / 1e9:.1f} GB are free on"
            f" {device.type}",
            hint=hint,
        )
