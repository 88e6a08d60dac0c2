"""Light of the three times of day, and how much of it falls on a point of the city.

Radiance is linear with 1 as display white. Textures store it as uint8 `255 * sqrt(radiance / peak)`, and
albedos too with a peak of 1; the square root approximates a display's gamma.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree

from pipeline.city.layout.plan import City
from pipeline.city.layout.street_furniture import LAMP_HEIGHT, Cars
from pipeline.runtime.errors import ParameterError

TIMES_OF_DAY = ("day", "sunset", "night")
_CELL = 0.5  # metres of the height field
_MARGIN = 120.0  # metres of it around the city
_REACH = 30.0  # range of a lamp in metres


@dataclass(frozen=True)
class Light:
    """One time of day. Directions point to the sun; `lit_share` of the windows is lit."""

    name: str
    sun: tuple[float, float, float]
    sun_colour: tuple[float, float, float]
    sky: tuple[float, float, float]
    bounce: tuple[float, float, float]
    lamp: float
    lit_share: float
    glow: float
    peak: float
    haze: tuple[float, float, float]
    haze_length: float
    aim: float  # mean radiance the camera aims at


def _towards(azimuth: float, elevation: float) -> tuple[float, float, float]:
    a, e = np.radians([azimuth, elevation])
    return (float(np.sin(a) * np.cos(e)), float(np.cos(a) * np.cos(e)), float(np.sin(e)))


LIGHTS = {
    "day": Light(
        "day", _towards(222, 40), (1.52, 1.4, 1.2), (0.5, 0.54, 0.61), (0.34, 0.33, 0.31),
        0.0, 0.0, 0.0, 2.0, (0.62, 0.72, 0.84), 900.0, 0.3,
    ),
    "sunset": Light(
        "sunset", _towards(286, 11), (1.25, 0.62, 0.28), (0.26, 0.21, 0.25), (0.14, 0.1, 0.09),
        6.0, 0.14, 0.6, 2.0, (0.6, 0.36, 0.27), 600.0, 0.14,
    ),
    "night": Light(
        "night", (0.0, 0.0, 1.0), (0.0, 0.0, 0.0), (0.016, 0.019, 0.03), (0.016, 0.013, 0.011),
        34.0, 0.34, 0.95, 1.6, (0.03, 0.025, 0.03), 900.0, 0.042,
    ),
}  # fmt: skip


def light_of(time_of_day: str) -> Light:
    """The light of a time of day; raises `ParameterError` for an unknown one."""
    if time_of_day not in LIGHTS:
        raise ParameterError(
            f"time_of_day must be one of {', '.join(TIMES_OF_DAY)}, found {time_of_day!r}",
            hint="draw with time_of_day='day', 'sunset' or 'night'",
        )
    return LIGHTS[time_of_day]


def encode(radiance: np.ndarray, peak: float) -> np.ndarray:
    """Linear radiance (...) as uint8 texture values."""
    values: np.ndarray = np.sqrt(np.clip(radiance, 0.0, peak) * np.float32(1 / peak)) * np.float32(255) + 0.5
    return values.astype(np.uint8)


def under(albedo: np.ndarray, falling: np.ndarray, peak: float) -> np.ndarray:
    """Encoded radiance of an albedo (h, w, 3) uint8 under a coarse light map (rows, columns, 3).

    Both are square-root encoded, so light multiplies by its root.
    """
    root = np.sqrt(np.maximum(falling, 0) * np.float32(1 / peak)).astype(np.float32)
    wide = cv2.resize(root, albedo.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(albedo, wide, dtype=cv2.CV_8U)


def decode_table(peak: float) -> np.ndarray:
    """(256,) float32: linear radiance of each texture value."""
    return ((np.arange(256, dtype=np.float32) / 255) ** 2 * peak).astype(np.float32)


class Relief:
    """The city as a height field, the same on every visit: `heights` in metres, 0 without a building."""

    def __init__(self, city: City) -> None:
        columns, rows = (int((size + 2 * _MARGIN) / _CELL) + 2 for size in city.extent)
        self.heights = np.zeros((rows, columns), np.float32)
        for building in city.buildings:
            corners = np.rint((building.corners + _MARGIN) / _CELL).astype(np.int32)
            cv2.fillConvexPoly(self.heights, corners, float(building.height))
        self.highest = float(self.heights.max())
        solid = (self.heights > 0).astype(np.float32)
        # Share of built ground nearby, 0..1, which blocks the sky's light.
        self.closeness = cv2.blur(cv2.blur(solid, (7, 7)), (7, 7))


class Illumination:
    """Sun, sky and lamps on the buildings and streets of one city, on one visit."""

    def __init__(self, city: City, relief: Relief, cars: Cars) -> None:
        self._relief = relief
        self.lamps, self.powers = _lamps(city, cars)
        self._tree = cKDTree(self.lamps[:, :2])

    def falling(self, points: np.ndarray, normals: np.ndarray, light: Light) -> np.ndarray:
        """Irradiance (n, 3) float32 at points (n, 3) with unit normals (n, 3) or (3,)."""
        normals = np.broadcast_to(normals, points.shape)
        up = normals[:, 2:] * 0.5 + 0.5
        total = np.array(light.sky) * up + np.array(light.bounce) * (1 - up)
        total = total * self._openness(points, normals)[:, None]
        facing = normals @ np.array(light.sun)
        if max(light.sun_colour) > 0 and (facing > 0).any():
            total += (np.maximum(facing, 0) * self._sunlit(points, light))[:, None] * np.array(
                light.sun_colour
            )
        if light.lamp > 0:
            total += self._lamp_light(points, normals) * light.lamp
        return total.astype(np.float32)

    def _look(self, table: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Values of a table at points (n,) no more than `_MARGIN` outside the city."""
        rows = ((y + _MARGIN) * (1 / _CELL) + 0.5).astype(np.int32)
        columns = ((x + _MARGIN) * (1 / _CELL) + 0.5).astype(np.int32)
        return table.ravel().take(rows * table.shape[1] + columns, mode="clip")

    def _openness(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Share of the sky's light that arrives: less near the foot of walls and at the ground."""
        low = np.clip(points[:, 2] / 8.0, 0, 1)
        flat = np.abs(normals[:, 2]) > 0.7
        near = self._look(self._relief.closeness, points[:, 0], points[:, 1])
        return np.where(flat & (points[:, 2] < 3), 0.92 - 0.5 * near, 0.72 + 0.28 * low)

    def _sunlit(self, points: np.ndarray, light: Light) -> np.ndarray:
        """0..1: how much of the sun is seen past the buildings, by marching through the height field."""
        east, north, up = light.sun
        flat = float(np.hypot(east, north))
        x, y, z = points.astype(np.float32).T
        clear = np.ones(len(points), np.float32)
        distance, lowest = 0.8, float(z.min())
        while distance < 110 and lowest + distance * up / flat < self._relief.highest + 4:
            heights = self._look(
                self._relief.heights, x + east / flat * distance, y + north / flat * distance
            )
            margin = z + np.float32(up / flat * distance) - heights
            soft = np.float32(1 / (0.03 * distance + 0.25))
            np.minimum(clear, margin * soft + np.float32(0.5), out=clear)
            distance += max(0.5, distance * 0.06)
        return np.maximum(clear, 0)

    def _lamp_light(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        distances, found = self._tree.query(points[:, :2], k=8, distance_upper_bound=_REACH)
        known = np.isfinite(distances)
        found = np.where(known, found, 0)
        way = self.lamps[found] - points[:, None]
        square = np.maximum((way**2).sum(-1), 0.6)
        length = np.sqrt(square)
        facing = np.maximum((way * normals[:, None]).sum(-1) / length, 0)
        # Street lamps shine down; what is above them gets a little light.
        down = np.clip(0.12 + 0.95 * way[..., 2] / length, 0.07, 1.0)
        strength = np.where(known, facing * down / square, 0.0)
        return (strength[..., None] * self.powers[found]).sum(1)


def _lamps(city: City, cars: Cars) -> tuple[np.ndarray, np.ndarray]:
    """Every light: positions (n, 3) and relative powers (n, 3): street lamps, shop fronts, head lights."""
    foot = city.kerbside.lamps
    heads = np.column_stack([foot[:, :2] + foot[:, 2:] * 1.5, np.full(len(foot), LAMP_HEIGHT - 0.15)])
    rng = np.random.default_rng([city.seed, 501])
    tones = np.array([(1.25, 0.74, 0.34), (1.2, 0.78, 0.42), (1.05, 0.86, 0.62)])
    power = tones[rng.integers(0, 3, len(foot))] * rng.uniform(0.8, 1.2, (len(foot), 1))
    places, powers = [heads], [power]
    for building in city.buildings:
        if building.ground == "shop" and building.kind not in ("park", "church"):
            start, end = building.corners[0], building.corners[1]
            along = (end - start) / building.width
            spot = (start + end) / 2 + np.array([along[1], -along[0]]) * 0.9
            places.append(np.array([[*spot, 2.6]]))
            powers.append(np.array([[0.16, 0.13, 0.1]]))
    lit = cars.rows[cars.rows[:, 5] > 0]
    ways = np.radians(lit[:, 2])
    for ahead, share in ((4.5, 0.1), (7.0, 0.14), (10.0, 0.1)):
        spots = lit[:, :2] + np.column_stack([np.sin(ways), np.cos(ways)]) * ahead
        places.append(np.column_stack([spots, np.full(len(lit), 1.6)]))
        powers.append(np.tile([[share, share * 0.95, share * 0.85]], (len(lit), 1)))
    return np.concatenate(places), np.concatenate(powers)
