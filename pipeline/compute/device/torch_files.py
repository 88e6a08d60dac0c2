"""Files of torch, read without running code in them; what a damaged one raises."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import torch

# What `load_tensors` raises for a damaged file depends on the place of the damage.
DAMAGE = (
    *(OSError, RuntimeError, EOFError, ValueError, KeyError, IndexError, AttributeError, TypeError),
    pickle.UnpicklingError,
)


def load_tensors(path: Path, *, mapped: bool = False) -> Any:
    """Read tensors and plain values to the CPU; one of `DAMAGE` for a damaged file and for one with code.

    mapped: leave the tensors in the file until they are looked at, which must not change meanwhile.
    """
    with warnings.catch_warnings():
        # Of a foreign pickle torch first warns that it may fail, and then fails.
        warnings.simplefilter("ignore", UserWarning)
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=mapped)


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name when it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
