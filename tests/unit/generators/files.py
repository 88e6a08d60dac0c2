"""Generator files for tests, and images that nobody took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.unit.generators.plain import LAYOUTS, Model, drawn
from unit.network.settings import UnitSettings

DATA = Path(__file__).parents[2] / "data" / "generators"
# As the published scripts do it where they leave images as they are.
PUBLISHED = UnitSettings("day2night", None, "none", "model", "network", "float32")


def picture(width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 of ramps, bars and a fine pattern."""
    y, x = np.mgrid[:height, :width]
    ramps = np.stack([3 * x, 5 * y, 2 * (x + y)], axis=-1)
    bars = 60 * ((x // 9 + y // 7) % 2)[..., None]
    fine = ((37 * x * y + 11 * x) % 29)[..., None]
    return ((ramps + bars + fine) % 256).astype(np.uint8)


def written(path: Path, network: Model, **container: Any) -> Path:
    """Save a plain network's state dict at `path`; with `container`, as gandtr does, beside what it holds."""
    state = network.state_dict()
    torch.save({"model_state": state, **container} if container else state, path)
    return path


def file_of(layout: str, folder: Path) -> Path:
    """A file of drawn weights of one of `LAYOUTS`."""
    return written(folder / "latest_net_G_A.pth", drawn(LAYOUTS[layout]()))


def levels_of(network: Model, pixels: np.ndarray) -> np.ndarray:
    """What the published script writes of the plain network's image, (H', W', 3) uint8."""
    x = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        y = network((x - 0.5) / 0.5)[0]
    return ((y + 1) / 2 * 255).clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()


def assert_levels(found: np.ndarray, wanted: np.ndarray, share: float = 2e-3) -> None:
    """Within one level, and that on isolated pixels only."""
    assert found.dtype == np.uint8
    assert found.shape == wanted.shape
    off = np.abs(found.astype(int) - wanted)
    assert off.max(initial=0) <= 1
    assert np.count_nonzero(off) <= max(2, share * off.size)
