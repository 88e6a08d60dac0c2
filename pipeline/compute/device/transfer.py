"""Copies images to the device that computes."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(pictures: Tensor, device: torch.device) -> Tensor:
    """Copy `pictures`, (N, C, H, W) in the machine's memory, to `device` in channels-last form.

    From ordinary memory a CUDA device copies them only after all earlier work, and this process waits for it;
    from pinned memory the copy is asynchronous.
    """
    if device.type == "cuda":
        pictures = pictures.contiguous(memory_format=torch.channels_last).pin_memory()
        return pictures.to(device, non_blocking=True)
    return pictures.to(device).contiguous(memory_format=torch.channels_last)
