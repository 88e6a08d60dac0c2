"""How a network's numbers are computed here: which type, and by which of the processor's kernels."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import PIL
import torch

from pipeline.runtime.errors import ParameterError

_LOG = logging.getLogger(__name__)

# To be raised with every change of unit/translation/{inference,translate}.py that changes a level of a
# picture: the work store would go on giving the nights of before.
_REVISION = 1
_VERSIONS = f"torch {torch.__version__.partition('+')[0]}, Pillow {PIL.__version__}, revision {_REVISION}"

# What torch asks of an x86 processor, the best kernels first; of others it asks nothing.
_BFLOAT16_KERNELS = {"amx": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}


@dataclass(frozen=True)
class Numeric:
    """The resolved arithmetic: `dtype`, and in words the `path` that images of equal bytes share."""

    dtype: torch.dtype
    path: str


def chosen_device(wish: str) -> str:
    """Name the device for the machine setting `wish`: "auto" is "cuda" where there is one, else "cpu"."""
    chosen = wish if wish != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    _LOG.debug("device %s is %s", wish, chosen)
    return chosen


def resolve(wish: str, device: str) -> Numeric:
    """Resolve `wish` ("float32", "bfloat16" or "auto") on `device` ("cpu" or "cuda").

    "auto" is bfloat16 where the device computes in it, on GPUs without it float16, on other processors
    float32. The path names what may round in another order or write other bytes: the widest vector
    instructions that the processor has for the type, and the versions of torch, of Pillow and of the way of
    pictures through the network. `ParameterError` when the device is not there.
    """
    numeric = _resolved(wish, device)
    _LOG.debug("dtype %s is %s", wish, numeric.path)
    return numeric


def _resolved(wish: str, device: str) -> Numeric:
    if device == "cuda":
        if not torch.cuda.is_available():
            raise ParameterError(
                "device is cuda, but torch finds no CUDA device", hint="set it to auto or cpu"
            )
        _keep_float32()
        fast = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
        dtype = fast if wish == "auto" else getattr(torch, wish)
        return Numeric(dtype, f"cuda-{_name(dtype)}, {_VERSIONS}")
    kernels = bfloat16_kernels()
    dtype = (torch.bfloat16 if kernels else torch.float32) if wish == "auto" else getattr(torch, wish)
    native = kernels if dtype == torch.bfloat16 else ""
    vectors = native or torch.backends.cpu.get_cpu_capability().lower()
    return Numeric(dtype, f"cpu-{vectors}-{_name(dtype)}, {_VERSIONS}")


def resolved_autocast(wish: Literal["off", "bfloat16", "auto"], device: str) -> Literal["off", "bfloat16"]:
    """Resolve a training's `wish` ("off", "bfloat16" or "auto") on `device` to "off" or "bfloat16".

    "auto" is bfloat16 where the device computes in it. Elsewhere it is off: float16, which older GPUs have,
    would lose small gradients. "off" is float32 to its last bit, on a GPU too.
    """
    _keep_float32()
    if wish != "auto":
        return wish
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "off"
    return "bfloat16" if bfloat16_kernels() else "off"


def bfloat16_kernels() -> str:
    """Name the instructions by which this processor multiplies in bfloat16; "" when it has none."""
    for name, asked in _BFLOAT16_KERNELS.items():
        if getattr(torch.cpu, asked, lambda: False)():
            return name
    return ""


def _keep_float32() -> None:
    """Let no GPU round float32 convolutions to ten bits, as it does by default."""
    torch.backends.cudnn.allow_tf32 = False


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
