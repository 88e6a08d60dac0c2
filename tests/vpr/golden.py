"""Numbers computed with the published code, one folder for each rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

DATA = Path(__file__).parents[1] / "data" / "vpr"


def golden_inputs(rule: str) -> dict[str, torch.Tensor]:
    """What the published code was given."""
    with np.load(DATA / rule / "inputs.npz") as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored}


def golden_outputs(rule: str) -> dict[str, np.ndarray]:
    """What it gave."""
    with np.load(DATA / rule / "outputs.npz") as stored:
        return {name: stored[name] for name in stored}
