"""How a network's numbers are computed: device, number format."""

from __future__ import annotations

import logging

import torch

from pipeline.runtime.errors import ParameterError

_LOG = logging.getLogger(__name__)

# What torch asks of an x86 processor; of others it asks nothing.
_BFLOAT16_PROCESSORS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


def device_of(wish: str) -> torch.device:
    """The device that the machine setting names; "auto" is CUDA where there is one."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device is cuda, but torch finds no CUDA device", hint="set it to auto or cpu")
    chosen = torch.device("cuda" if wish != "cpu" and torch.cuda.is_available() else "cpu")
    _LOG.debug("device %s is %s", wish, chosen)
    return chosen


def numbers_of(device: torch.device, autocast: str) -> str:
    """The number format that `autocast` means on `device`: "bfloat16" or "off", float32.

    "auto" is bfloat16 where the hardware computes with it; elsewhere it would be slower than float32.
    """
    if autocast != "auto":
        return autocast
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = any(getattr(torch.cpu, name, lambda: False)() for name in _BFLOAT16_PROCESSORS)
    chosen = "bfloat16" if fast else "off"
    _LOG.debug("autocast auto is %s", chosen)
    return chosen


def numeric_path(device: torch.device, autocast: str, threads: int) -> str:
    """The arithmetic in words, for records: runs of one path on a CPU give the same bytes."""
    numbers = "bfloat16" if autocast == "bfloat16" else "float32"
    return f"cpu, {numbers}, {threads} threads" if device.type == "cpu" else f"{device.type}, {numbers}"


def autocast(device: torch.device, numbers: str) -> torch.autocast:
    """Run the block's convolutions in bfloat16 when `numbers` is "bfloat16", in float32 when "off"."""
    # Otherwise float32 convolutions on a GPU would be rounded to ten bits.
    torch.backends.cudnn.allow_tf32 = False
    return torch.autocast(device.type, torch.bfloat16, enabled=numbers == "bfloat16")
