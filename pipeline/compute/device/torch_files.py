"""Reads torch files without running code in them, and names the errors of damaged ones."""

from __future__ import annotations

import pickle
import re
import warnings
from pathlib import Path
from typing import Any

import torch

# What `load_tensors` raises for a damaged file depends on where the damage is.
DAMAGE = (
    *(OSError, RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError),
    pickle.UnpicklingError,
)


def load_tensors(path: Path, *, mapped: bool = False) -> Any:
    """Read tensors and plain values to the CPU; one of `DAMAGE` for a damaged file and for one with code.

    mapped: memory-map the tensors; the file must not change while they are used.
    """
    with warnings.catch_warnings():
        # For a foreign pickle torch first warns that it may fail, and then fails.
        warnings.simplefilter("ignore", UserWarning)
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)


def no_numbers(value: torch.Tensor) -> str:
    """What a file's tensor is instead of plain floating-point numbers; "" if it is these."""
    if not value.is_floating_point():
        return str(value.dtype)
    if value.is_meta:
        return "a shape without values"
    return "" if value.layout == torch.strided else str(value.layout)


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type if the message is empty.

    For files that `load_tensors` refuses, torch's first line advises to open them as code; the message here
    names what the file asks for instead.
    """
    if isinstance(error, pickle.UnpicklingError):
        asked = re.search(r"GLOBAL (\S+)", str(error))
        return f"it asks for {asked[1]}" if asked else "it holds no plain tensors"
    if isinstance(error, KeyError):
        return f"KeyError: {error}"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
