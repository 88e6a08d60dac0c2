"""Objects along the streets: permanent lamps, trees and signs, and cars of one visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.city.layout.plan import Street

LAMP_HEIGHT = 6.6


@dataclass(frozen=True)
class Kerbside:
    """Positions in local metres.

    `lamps` (n, 4): foot x, y and the unit vector towards the road. `trees` (n, 4): x, y, height, species.
    `posts` (n, 4): x, y, kind, heading in degrees.
    """

    lamps: np.ndarray = field(repr=False)
    trees: np.ndarray = field(repr=False)
    posts: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Cars:
    """`rows` (n, 6): x, y, heading in degrees clockwise from north, kind, colour, lights on (0 or 1)."""

    rows: np.ndarray = field(repr=False)


def furnish(seed: int, streets: Sequence[Street]) -> Kerbside:
    """Place lamps, trees and posts along every street."""
    lamps: list[tuple[float, ...]] = []
    trees: list[tuple[float, ...]] = []
    posts: list[tuple[float, ...]] = []
    for street in streets:
        rng = np.random.default_rng([seed, 301, street.key])
        kerb = street.carriageway / 2
        east, north = street.direction
        low, high = street.start_gap + 2.0, street.length - street.end_gap - 2.0
        planted = rng.choice([0.0, 0.35, 0.8], size=2)
        species = int(rng.integers(4))
        for side in (1.0, -1.0):
            inward = (-north * side, east * side)
            spots = np.arange(low + 3 + (10 if side > 0 else 0), high, rng.uniform(19, 24))
            for along in spots:
                x, y = street.at(along, side * (kerb + 0.5))
                lamps.append((x, y, *inward))
            step = rng.uniform(7.0, 11.0)
            for along in np.arange(low + 5, high - 2, step) + rng.uniform(-0.8, 0.8):
                clear = not spots.size or np.abs(spots - along).min() > 2.0
                if clear and rng.random() < planted[int(side > 0)]:
                    x, y = street.at(along, side * (kerb + 1.0))
                    trees.append((x, y, rng.uniform(4.5, 8.5), species))
            for along in np.arange(low, high, 6.0):
                if rng.random() < 0.3:
                    x, y = street.at(along + rng.uniform(0, 3), side * (kerb + 0.45))
                    heading = np.degrees(np.arctan2(east, north)) + (180 if side < 0 else 0)
                    posts.append((x, y, int(rng.integers(6)), heading))
    return Kerbside(_table(lamps, 4), _table(trees, 4), _table(posts, 4))


def place_cars(seed: int, streets: Sequence[Street], visit: int) -> Cars:
    """Cars at the kerb and a few on the road, on one visit."""
    rows: list[tuple[float, ...]] = []
    for street in streets:
        rng = np.random.default_rng([seed, 302, street.key, visit])
        usual = np.random.default_rng([seed, 303, street.key]).uniform(0.25, 0.85, 2)
        kerb = street.carriageway / 2
        heading = np.degrees(np.arctan2(*street.direction))
        low, high = street.start_gap + 6.0, street.length - street.end_gap - 6.0
        for side in (1.0, -1.0):
            along = low + rng.uniform(0, 3)
            turned = heading if side > 0 else heading + 180
            while along < high:
                if rng.random() < usual[int(side > 0)]:
                    x, y = street.at(along, side * (kerb - 1.1))
                    lit = float(rng.random() < 0.04)
                    rows.append((x, y, turned + rng.uniform(-1.5, 1.5), *_look(rng), lit))
                along += rng.uniform(5.2, 6.6)
            for along in np.arange(low, high, 26.0):
                if rng.random() < 0.3:
                    x, y = street.at(along + rng.uniform(0, 14), side * (kerb - 2.2) * 0.5)
                    rows.append((x, y, turned, *_look(rng), 1.0))
    return Cars(_table(rows, 6))


def _look(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.choice(4, p=[0.4, 0.3, 0.18, 0.12])), float(rng.integers(12))


def _table(rows: list[tuple[float, ...]], columns: int) -> np.ndarray:
    return np.array(rows, np.float64).reshape(-1, columns)
