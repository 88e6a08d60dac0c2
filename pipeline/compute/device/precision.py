"""How networks compute on this machine: device, number format and kernels."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import PIL
import torch

from pipeline.runtime.errors import ParameterError

_LOG = logging.getLogger(__name__)

_VERSIONS = f"torch {torch.__version__.partition('+')[0]}, Pillow {PIL.__version__}"

# How torch asks for kernels of x86 processors, the best first; it has no such question for others.
_BFLOAT16_KERNELS = {"amx": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}

# Number format of autocast: "off" is float32.
Numbers = Literal["off", "bfloat16"]


@dataclass(frozen=True)
class Numeric:
    """The resolved number format: `dtype`, and in words the `path` that gives images of equal bytes."""

    dtype: torch.dtype
    path: str


def device_of(wish: str) -> torch.device:
    """The device for a machine setting: "cpu", "cuda", or "auto", which is CUDA if available.

    `ParameterError` for "cuda" without a CUDA device.
    """
    if wish == "cuda" and not torch.cuda.is_available():
        raise ParameterError("device is cuda, but torch finds no CUDA device", hint="set it to auto or cpu")
    chosen = torch.device("cuda" if wish != "cpu" and torch.cuda.is_available() else "cpu")
    _LOG.debug("device %s is %s", wish, chosen)
    return chosen


def numbers_of(device: torch.device, wish: Literal["off", "bfloat16", "auto"]) -> Numbers:
    """The number format that the setting `autocast` means on `device`.

    "auto" is bfloat16 if the hardware supports it, else off: bfloat16 would be slower, and float16, which
    older GPUs have, would lose small gradients. "off" is exact float32, also on GPUs.
    """
    _keep_float32()
    if wish != "auto":
        return wish
    chosen: Numbers = "bfloat16" if _has_bfloat16(device) else "off"
    _LOG.debug("autocast auto is %s", chosen)
    return chosen


def autocast(device: torch.device, numbers: str, *, cached: bool = True) -> torch.autocast:
    """Run the block's convolutions in bfloat16 when `numbers` is "bfloat16", in float32 when "off".

    cached: whether a weight is converted once for all its uses in the block.
    """
    _keep_float32()
    return torch.autocast(device.type, torch.bfloat16, enabled=numbers == "bfloat16", cache_enabled=cached)


def numeric_path(device: torch.device, numbers: str, threads: int) -> str:
    """Autocast's number format in words, for records: runs of one path on a CPU give the same bytes."""
    name = "bfloat16" if numbers == "bfloat16" else "float32"
    return f"cpu, {name}, {threads} threads" if device.type == "cpu" else f"{device.type}, {name}"


def resolve(wish: str, device: str) -> Numeric:
    """Resolve `wish` ("float32", "bfloat16" or "auto") for a network without gradients.

    "auto" is bfloat16 if the device supports it, else float16 on GPUs and float32 on CPUs. The path names
    what may change rounding or bytes: the processor's widest vector instructions for the type, and the
    versions of torch and Pillow. `device` and errors as in `device_of`.
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
    """Name the instructions with which this processor multiplies in bfloat16; "" if it has none."""
    for name, asked in _BFLOAT16_KERNELS.items():
        if getattr(torch.cpu, asked, lambda: False)():
            return name
    return ""


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bfloat16_kernels() != ""


def _keep_float32() -> None:
    """Keep GPUs from rounding float32 convolutions to TF32 (ten bits), as they do by default."""
    torch.backends.cudnn.allow_tf32 = False
