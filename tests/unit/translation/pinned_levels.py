"""Levels of a drawn image through a small pair, pinned; run as a module it pins today's.

What keeps the levels is not a change: the instance norm after the first convolution removes any scale of the
input. Every kind of setting has its part in one of the cases. All are in float32: bfloat16 rounds so coarsely
that processors differ by more levels than a change of the arithmetic may.
"""

from __future__ import annotations

import sys

import numpy as np

from tests.unit.golden import CHECKPOINT, DATA
from unit.network.settings import UnitSettings
from unit.translation import translate

PINNED = DATA / "pinned_levels.npz"
CASES = {
    "as published": UnitSettings("day2night", 40, "minmax", "model", "network", "float32"),
    "enlarged": UnitSettings("night2day", 32, "none", "source", "network", "float32"),
    "with the source's detail": UnitSettings("day2night", 32, "none", "source", "source", "float32"),
}
# Noise of 1e-5 in the network's input flips 2 levels of 1,000 by one, of which enlargement may make two.
MOST, SHARE = 2, 0.01


def picture() -> np.ndarray:
    """(51, 70, 3) uint8 of smooth ramps, bars and a fine pattern, by whole numbers only."""
    y, x = np.mgrid[:51, :70]
    ramps = np.stack([3 * x, 5 * y, 2 * (x + y)], axis=-1)
    bars = 60 * ((x // 9 + y // 7) % 2)[..., None]
    fine = ((37 * x * y + 11 * x) % 29)[..., None]
    return (ramps + bars + fine).clip(0, 255).astype(np.uint8)


def levels() -> dict[str, np.ndarray]:
    """What the cases make of the image now."""
    return {name: translate.UnitTranslator(CHECKPOINT, case)(picture()) for name, case in CASES.items()}


def changed(found: dict[str, np.ndarray], pinned: dict[str, np.ndarray]) -> list[str]:
    """The cases whose levels are others than those pinned, by more than rounding explains."""
    return [
        name
        for name, night in found.items()
        if name not in pinned or night.shape != pinned[name].shape or _differ(night, pinned[name])
    ]


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    off = np.abs(one.astype(int) - other)
    return bool(off.max() > MOST or np.count_nonzero(off) > SHARE * off.size)


def pinned() -> tuple[int, dict[str, np.ndarray]]:
    """The revision that the pinned levels are of, and the levels."""
    with np.load(PINNED) as stored:
        return int(stored["revision"]), {name: stored[name] for name in stored.files if name != "revision"}


def renew() -> None:
    """Pin today's levels; refused while they are others than those pinned and the revision is the same."""
    found = levels()
    revision, known = pinned() if PINNED.is_file() else (0, {})
    if revision == translate.REVISION and changed(found, known):
        sys.exit("the levels have changed: first raise REVISION in unit/translation/translate.py")
    np.savez_compressed(PINNED, revision=translate.REVISION, **found)


if __name__ == "__main__":
    renew()
