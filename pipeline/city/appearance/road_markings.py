"""Flat shapes on the ground: wear and markings of a street, kerbs and slabs around a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.city.layout.plan import PAVEMENT, Street

Colour = tuple[int, int, int]
SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
CIRCLE = np.column_stack([np.cos(np.arange(14) * np.pi / 7), np.sin(np.arange(14) * np.pi / 7)])

_SLABS = ((158, 154, 148), (148, 148, 150), (164, 150, 138))
_WHITE = (214, 214, 208)


class Shape(NamedTuple):
    """A polygon (n, 2) in metres when `width` is 0, else a line of that width."""

    points: np.ndarray
    colour: Colour
    width: float = 0.0


def box_of(shape: Shape) -> tuple[float, float, float, float]:
    """West, south, east and north ends of a shape in metres."""
    (west, south), (east, north) = shape.points.min(0), shape.points.max(0)
    half = shape.width / 2
    return west - half, south - half, east + half, north + half


def street_shapes(street: Street, seed: int) -> list[Shape]:
    """Everything on one street's carriageway, lowest first."""
    return _wear(street, seed) + _markings(street)


def block_shapes(block: np.ndarray, parks: Sequence[np.ndarray], key: list[int]) -> list[Shape]:
    """Kerb, slabs, yards and lawns of a block (n, 2); `parks` are the corners of lots without a house."""
    slabs = _SLABS[int(np.random.default_rng(key).integers(3))]
    outline = np.concatenate([block, block[:1]])
    shapes = []
    for reach, colour in ((PAVEMENT, (186, 184, 178)), (PAVEMENT - 0.22, slabs)):
        shapes += [Shape(outline, colour, 2 * reach), Shape(block, colour)]
    joint = (int(slabs[0] * 0.86), int(slabs[1] * 0.86), int(slabs[2] * 0.86))
    for start, end in zip(block, np.roll(block, -1, axis=0), strict=True):
        length = float(np.hypot(*(end - start)))
        along = (end - start) / max(length, 1e-6)
        out = np.array([along[1], -along[0]])
        shapes += [Shape(np.stack([start + out * s, end + out * s]), joint, 0.04) for s in (1.1, 2.2)]
        for step in np.arange(0, length, 1.2):
            foot = start + along * step
            shapes.append(Shape(np.stack([foot, foot + out * (PAVEMENT - 0.25)]), joint, 0.04))
    shapes.append(Shape(block.mean(0) + (block - block.mean(0)) * 0.8, (96, 100, 84)))
    return shapes + [Shape(park, (82, 112, 62)) for park in parks]


def _bar(start: np.ndarray, end: np.ndarray, colour: Colour, width: float) -> Shape:
    """A straight line with square ends."""
    along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
    side = np.array([along[1], -along[0]]) * width / 2
    return Shape(np.stack([start + side, end + side, end - side, start - side]), colour)


def _wear(street: Street, seed: int) -> list[Shape]:
    """Wheel tracks, patches, cracks, manholes and gutters: each street has its own."""
    rng = np.random.default_rng([seed, 701, street.key])
    kerb, length = street.carriageway / 2, street.length
    shapes = []
    for side in (-1, 1):
        lane = side * kerb * 0.5
        shapes.append(_bar(street.at(0, lane), street.at(length, lane), (97, 97, 99), 1.6))
    for _ in range(9):
        along, right = rng.uniform(0, length), rng.uniform(-kerb, kerb) * 0.8
        long, wide, shade = rng.uniform(1, 7), rng.uniform(0.6, 2.2), int(rng.choice([84, 92, 118]))
        ends = street.at(along, right), street.at(along + long, right)
        shapes.append(_bar(*ends, (shade, shade, shade + 2), wide))
    for _ in range(8):
        along, right = rng.uniform(0, length), rng.uniform(-kerb, kerb)
        steps = np.cumsum(rng.uniform(-0.5, 0.7, (7, 2)), axis=0)
        crack = np.stack([street.at(along + a, right + b) for a, b in steps])
        shapes.append(Shape(crack, (70, 70, 72), 0.06))
    for _ in range(4):
        spot = street.at(rng.uniform(0, length), rng.uniform(-kerb, kerb) * 0.6)
        shapes += [Shape(spot + CIRCLE * 0.36, (72, 70, 68)), Shape(spot + CIRCLE * 0.28, (86, 82, 78))]
    for side in (-1, 1):
        right = side * (kerb - 0.15)
        ends = street.at(street.start_gap, right), street.at(length - street.end_gap, right)
        shapes.append(_bar(*ends, (84, 83, 82), 0.3))
    return shapes


def _markings(street: Street) -> list[Shape]:
    """Lane dashes, parking bays, and a zebra crossing and a stop line at both ends."""
    kerb = street.carriageway / 2
    low, high = street.start_gap, street.length - street.end_gap
    shapes = []
    for along in np.arange(low + 7, high - 8, 6.0):
        shapes.append(_bar(street.at(along), street.at(along + 3), _WHITE, 0.13))
    for side in (-1, 1):
        for along in np.arange(low + 4, high - 4, 6.0):
            ends = street.at(along, side * (kerb - 2.2)), street.at(along, side * (kerb - 1.4))
            shapes.append(_bar(*ends, (190, 190, 186), 0.1))
    for start in (low - 1.5, high - 1.5):
        for right in np.arange(-kerb + 0.5, kerb - 0.4, 1.0):
            shapes.append(_bar(street.at(start, right), street.at(start + 3.0, right), _WHITE, 0.5))
    stop = kerb - 0.2
    shapes.append(_bar(street.at(high - 3.0, 0.2), street.at(high - 3.0, stop), _WHITE, 0.35))
    shapes.append(_bar(street.at(low + 3.0, -0.2), street.at(low + 3.0, -stop), _WHITE, 0.35))
    return shapes
