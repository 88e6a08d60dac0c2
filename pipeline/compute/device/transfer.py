"""Images on their way to the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(pictures: Tensor, device: torch.device) -> Tensor:
    """`pictures`, (N, C, H, W) of the machine's memory, on `device` and in channels-last form.

    From ordinary memory a CUDA device would take them only when it has done all that it was given before,
    and this process would wait that long; from pinned memory it takes them when it gets there.
    """
    if device.type == "cuda":
        pictures = pictures.contiguous(memory_format=torch.channels_last).pin_memory()
        return pictures.to(device, non_blocking=True)
    return pictures.to(device).contiguous(memory_format=torch.channels_last)
