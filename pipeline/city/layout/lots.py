"""Lots along a street front, and the building on each: footprint, storeys, walls, roof and ground floor."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

_WIDTH = (6.5, 17.0)

# Wall colours (red, green, blue; 0..255, square-root encoded like all albedo here).
WALL_COLOURS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "brick": ((158, 92, 74), (132, 72, 60), (176, 120, 92), (148, 104, 84), (112, 70, 62), (186, 150, 118)),
    "plaster": (
        (216, 204, 178), (224, 188, 132), (206, 150, 120), (170, 188, 196), (184, 200, 170), (226, 218, 206),
        (196, 130, 112), (150, 168, 186), (222, 206, 140), (186, 156, 170), (136, 160, 150), (204, 172, 150),
    ),
    "stone": ((190, 184, 170), (172, 164, 148), (206, 194, 168), (150, 148, 144)),
    "wood": (
        (126, 148, 168), (196, 190, 176), (112, 134, 116), (160, 120, 100), (208, 196, 150), (98, 112, 138),
    ),
    "panel": ((168, 170, 170), (188, 180, 168), (142, 150, 158), (176, 158, 140)),
    "glass": ((96, 116, 130), (84, 104, 104), (112, 120, 136)),
}  # fmt: skip


@dataclass(frozen=True)
class Building:
    """One lot: `corners` (4, 2) counter-clockwise, the first edge is the street front.

    `kind`: "house", "tower", "church", "mural", "billboard" (on the roof) or "park" (no building).
    `corner`: the left side faces a street too. Heights in metres.
    """

    key: int
    corners: np.ndarray = field(repr=False)
    kind: str
    wall: str
    colour: tuple[int, int, int]
    storeys: int
    ground_height: float
    storey_height: float
    roof: str
    ground: str
    corner: bool

    @property
    def width(self) -> float:
        """Metres along the street front."""
        return math.dist(self.corners[0], self.corners[1])

    @property
    def height(self) -> float:
        """Metres from the ground to the top of the walls; 0 for a park."""
        if self.kind == "park":
            return 0.0
        return self.ground_height + (self.storeys - 1) * self.storey_height + 0.6


def fill_row(
    seed: int, first_key: int, line: np.ndarray, inward: np.ndarray, *, corner: bool = True
) -> list[Building]:
    """Divide the front line (2, 2) into lots with a building each; `inward` (2,) points to their backs.

    Keys count up from `first_key`. `corner`: the first lot's left side faces a street.
    """
    start, end = line
    length = math.dist(start, end)
    rng = np.random.default_rng([seed, 201, first_key])
    usual = int(rng.integers(2, 6))
    ends, width = [0.0], 0.0
    while ends[-1] < length:
        width = float(rng.uniform(*_WIDTH))
        # Python's `sum` rounds differently from 3.12 on, and the city must be the same in all versions.
        ends.append(ends[-1] + width)
    if len(ends) > 2 and ends[-2] > length * 0.8 and ends[-1] - length > width / 2:
        ends.pop()
    cuts = np.array(ends) / ends[-1]
    buildings = []
    for index, (low, high) in enumerate(pairwise(cuts)):
        left, right = start + (end - start) * low, start + (end - start) * high
        corners = np.stack([left, right, right + inward, left + inward])
        is_corner = corner and index == 0
        buildings.append(_building([seed, 202, first_key + index], corners, usual, is_corner))
    return buildings


def _building(key: list[int], corners: np.ndarray, usual: int, corner: bool) -> Building:
    rng = np.random.default_rng(key)
    width = math.dist(corners[0], corners[1])
    kind = str(rng.choice(["house", "tower", "church", "mural", "billboard", "park"], p=_KIND_SHARES))
    if corner and kind in ("church", "park"):
        kind = "tower" if kind == "church" else "house"
    if kind == "church" and width < 9:
        kind = "mural"
    wall = str(rng.choice(["brick", "plaster", "stone", "wood", "panel", "glass"], p=_WALL_SHARES))
    storeys = int(np.clip(usual + rng.integers(-1, 3), 2, 7))
    if wall == "wood":
        storeys = min(storeys, 4)
    if kind == "tower":
        storeys, wall = int(rng.integers(9, 14)), str(rng.choice(["glass", "panel", "stone", "brick"]))
    if kind == "church":
        storeys, wall = int(rng.integers(3, 5)), str(rng.choice(["stone", "brick"]))
    colours = WALL_COLOURS[wall]
    tint = rng.uniform(0.9, 1.08) * rng.uniform(0.96, 1.04, 3)
    colour = np.clip(np.array(colours[int(rng.integers(len(colours)))]) * tint, 0, 240).astype(int)
    roof = _roof(rng, wall, kind, corner)
    ground = str(rng.choice(["shop", "door", "garage"], p=[0.46, 0.38, 0.16]))
    if wall == "glass" or kind == "tower":
        ground = "shop"
    return Building(
        key=key[-1],
        corners=corners,
        kind=kind,
        wall=wall,
        colour=(int(colour[0]), int(colour[1]), int(colour[2])),
        storeys=storeys,
        ground_height=round(float(rng.uniform(3.2, 4.3)), 2),
        storey_height=round(float(rng.uniform(2.8, 3.4)), 2),
        roof=roof,
        ground=ground,
        corner=corner,
    )


def _roof(rng: np.random.Generator, wall: str, kind: str, corner: bool) -> str:
    if wall in ("glass", "panel") or kind in ("tower", "billboard"):
        return "flat"
    if wall == "wood":
        roof = str(rng.choice(["gable", "eaves", "cornice"]))
    else:
        forms = ["cornice", "flat", "mansard", "eaves", "gable"]
        roof = str(rng.choice(forms, p=[0.36, 0.16, 0.2, 0.18, 0.1]))
    return "cornice" if corner and roof == "gable" else roof


_KIND_SHARES = [0.86, 0.015, 0.02, 0.035, 0.03, 0.04]
_WALL_SHARES = [0.24, 0.34, 0.14, 0.13, 0.09, 0.06]
