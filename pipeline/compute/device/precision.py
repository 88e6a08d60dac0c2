"""How a network's numbers are computed here: on which device, in which type, and by which of its kernels."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import PIL
import torch

from pipeline.runtime.errors import ParameterError

_LOG = logging.getLogger(__name__)

_VERSIONS = f"torch {torch.__version__.partition('+')[0]}, Pillow {PIL.__version__}"

# What torch asks of an x86 processor, the best kernels first; of others it asks nothing.
_BFLOAT16_KERNELS = {"amx": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}

# The numbers of an autocast: "off" is float32.
Numbers = Literal["off", "bfloat16"]


@dataclass(frozen=True)
class Numeric:
    """The resolved arithmetic: `dtype`, and in words the `path` that images of equal bytes share."""

    dtype: torch.dtype
    path: str


def device_of(wish: str) -> torch.device:
    """The device that the machine setting names: "cpu", "cuda", or "auto", which is CUDA where there is one.

    `ParameterError` when CUDA is asked for and not there.
    """
    if wish == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device is cuda, but torch finds no CUDA device", hint="set it to auto or cpu")
    chosen = torch.device("cuda" if wish != "cpu" and torch.cuda.is_available() else "cpu")
    _LOG.debug("device %s is %s", wish, chosen)
    return chosen


def numbers_of(device: torch.device, wish: Literal["off", "bfloat16", "auto"]) -> Numbers:
    """The number format that the setting `autocast` means on `device`.

    "auto" is bfloat16 where the hardware computes in it. Elsewhere it is off: bfloat16 would be slower, and
    float16, which older GPUs have, would lose small gradients. "off" is float32 to its last bit, on GPUs too.
    """
    _keep_float32()
    if wish != "auto":
        return wish
    chosen: Numbers = "bfloat16" if _has_bfloat16(device) else "off"
    _LOG.debug("autocast auto is %s", chosen)
    return chosen


def autocast(device: torch.device, numbers: str, *, cached: bool = True) -> torch.autocast:
    """Run the block's convolutions in bfloat16 when `numbers` is "bfloat16", in float32 when "off".

    cached: whether a weight is rounded once for all its uses in the block.
    """
    _keep_float32()
    return torch.autocast(device.type, torch.bfloat16, enabled=numbers == "bfloat16", cache_enabled=cached)


def numeric_path(device: torch.device, numbers: str, threads: int) -> str:
    """An autocast's arithmetic in words, for records: runs of one path on a CPU give the same bytes."""
    name = "bfloat16" if numbers == "bfloat16" else "float32"
    return f"cpu, {name}, {threads} threads" if device.type == "cpu" else f"{device.type}, {name}"


def resolve(wish: str, device: str) -> Numeric:
    """Resolve `wish` ("float32", "bfloat16" or "auto") for a network without gradients.

    "auto" is bfloat16 where the device computes in it, on GPUs without it float16, on other processors
    float32. The path names what may round in another order or write other bytes: the widest vector
    instructions that the processor has for the type, and the versions of torch and of Pillow.
    `device` and errors as of `device_of`.
    """
    place = device_of(device)
    _keep_float32()
    otherwise = torch.float16 if place.type == "cuda" else torch.float32
    fast = torch.bfloat16 if _has_bfloat16(place) else otherwise
    dtype = fast if wish == "auto" else getattr(torch, wish)
    parts = [place.type, str(dtype).removeprefix("torch.")]
    if place.type == "cpu":
        native = bfloat16_kernels() if dtype == torch.bfloat16 else ""
        parts.insert(1, native or torch.backends.cpu.get_cpu_capability().lower())
    numeric = Numeric(dtype, f"{'-'.join(parts)}, {_VERSIONS}")
    _LOG.debug("dtype %s is %s", wish, numeric.path)
    return numeric


def bfloat16_kernels() -> str:
    """Name the instructions by which this processor multiplies in bfloat16; "" when it has none."""
    for name, asked in _BFLOAT16_KERNELS.items():
        if getattr(torch.cpu, asked, lambda: False)():
            return name
    return ""


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bfloat16_kernels() != ""


def _keep_float32() -> None:
    """Let no GPU round float32 convolutions to ten bits, as it does by default."""
    torch.backends.cudnn.allow_tf32 = False
