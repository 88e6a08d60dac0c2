"""Memory of the device that computes: how much is free, and an error if more is needed."""

from __future__ import annotations

import torch

from pipeline.runtime.errors import DusklineError
from pipeline.runtime.memory import available_memory, kept_memory


def available_bytes(device: torch.device) -> int | None:
    """Bytes that this process may still use on the device; None if unknown."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # Torch keeps freed memory for its next tensor.
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    room = available_memory()
    return None if room is None else room + kept_memory()


def require_memory(what: str, needed: int, device: torch.device, hint: str) -> None:
    """Raise `DusklineError` if `needed` bytes are more than are free."""
    there = available_bytes(device)
    if there is not None and needed > there:
        raise DusklineError(
            f"{what} would take about {needed / 1e9:.1f} GB of memory, but {there / 1e9:.1f} GB are free on"
            f" {device.type}",
            hint=hint,
        )
