"""The ground as square tiles: carriageway, markings, kerbs, pavements, yards, and the light on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.city.kerbside import Cars
from pipeline.city.light import Illumination, Light, under
from pipeline.city.plan import PAVEMENT, City, Street
from pipeline.city.surfaces import crop

_ASPHALT = (104, 104, 106)
_SLABS = ((158, 154, 148), (148, 148, 150), (164, 150, 138))
_SHIFT = 4


class Ground:
    """Draws tiles of one city's ground."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._block_boxes = np.array([[*block.min(0), *block.max(0)] for block in city.blocks])
        ends = np.array([[street.x0, street.y0, street.x1, street.y1] for street in city.streets])
        self._street_boxes = np.column_stack(
            [np.minimum(ends[:, :2], ends[:, 2:]) - 12, np.maximum(ends[:, :2], ends[:, 2:]) + 12]
        )
        self._parks = [b for b in city.buildings if b.kind == "park"]

    def albedo(self, corner: tuple[float, float], size: float, scale: float) -> np.ndarray:
        """(n, n, 3) uint8 albedo of the square at `corner` (south-west, metres), `scale` pixels a metre.

        Row 0 is the northern edge.
        """
        pixels = round(size * scale)
        shade = crop("asphalt", pixels, pixels, int(corner[0] * 7 + corner[1] * 3))
        image = np.empty((pixels, pixels, 3), np.uint8)
        image[:] = _ASPHALT
        sheet = _Sheet(image, corner, size, scale)
        streets = [self._city.streets[i] for i in _touching(self._street_boxes, corner, size, 8.0)]
        for street in streets:
            _wear(sheet, street, self._city.seed)
            _markings(sheet, street)
        for index in _touching(self._block_boxes, corner, size, PAVEMENT + 1):
            self._block(sheet, int(index), streets)
        for row in _near(self._city.kerbside.trees, corner, size, 2.0):
            sheet.polygon(np.array(row[:2]) + _SQUARE * 0.65, (92, 76, 60))
        shaded: np.ndarray = cv2.multiply(image, cv2.merge([shade] * 3), scale=1 / 128)
        return shaded

    def _block(self, sheet: _Sheet, index: int, streets: Sequence[Street]) -> None:
        block = self._city.blocks[index]
        slabs = _SLABS[int(np.random.default_rng([self._city.seed, 702, index]).integers(3))]
        for outline, colour in ((PAVEMENT, (186, 184, 178)), (PAVEMENT - 0.22, slabs)):
            sheet.line(np.concatenate([block, block[:1]]), colour, 2 * outline)
            sheet.polygon(block, colour)
        joint = tuple(int(v * 0.86) for v in slabs)
        for start, end in zip(block, np.roll(block, -1, axis=0), strict=True):
            length = float(np.hypot(*(end - start)))
            along = (end - start) / max(length, 1e-6)
            out = np.array([along[1], -along[0]])
            for step in (1.1, 2.2):
                sheet.line(np.stack([start + out * step, end + out * step]), joint, 0.04)
            for step in np.arange(0, length, 1.2):
                foot = start + along * step
                if sheet.far(foot):
                    continue
                sheet.line(np.stack([foot, foot + out * (PAVEMENT - 0.25)]), joint, 0.04)
        sheet.polygon(block.mean(0) + (block - block.mean(0)) * 0.8, (96, 100, 84))
        for park in self._parks:
            if cv2.pointPolygonTest(block.astype(np.float32), park.corners.mean(0).tolist(), False) >= 0:
                sheet.polygon(park.corners, (82, 112, 62))

    def lit(
        self, albedo: np.ndarray, place: tuple[tuple[float, float], float], cars: Cars,
        illumination: Illumination, light: Light,
    ) -> np.ndarray:  # fmt: skip
        """Encoded radiance of a tile: its albedo under the light, darker under trees and cars."""
        corner, size = place
        cells = int(min(max(size, 16), 64)) * (2 if light.name == "day" else 1)
        axis = (np.arange(cells) + 0.5) * size / cells
        x, y = np.meshgrid(corner[0] + axis, corner[1] + size - axis)
        points = np.column_stack([x.ravel(), y.ravel(), np.zeros(cells * cells)])
        falling = illumination.falling(points, np.array([0.0, 0.0, 1.0]), light).reshape(cells, cells, 3)
        shadow = self._shadows(corner, size, albedo.shape[0], cars, light)
        shaded: np.ndarray = cv2.multiply(under(albedo, falling, light.peak), shadow, scale=1 / 255)
        return shaded

    def _shadows(
        self, corner: tuple[float, float], size: float, pixels: int, cars: Cars, light: Light
    ) -> np.ndarray:
        image = np.full((pixels, pixels, 1), 255, np.uint8)
        sheet = _Sheet(image, corner, size, pixels / size)
        for x, y, height, _ in _near(self._city.kerbside.trees, corner, size, 16.0):
            reach = height * 0.65 / max(light.sun[2], 0.35)
            centre = np.array([x - light.sun[0] * reach, y - light.sun[1] * reach])
            dark = 120 if light.name == "day" else 190
            sheet.polygon(centre + _CIRCLE * height * 0.3, (dark,))
        for x, y, heading, *_ in _near(cars.rows, corner, size, 4.0):
            angle = np.radians(heading)
            ahead, right = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
            middle = np.array([x, y]) - np.array(light.sun[:2]) * 0.5
            box = middle + _SQUARE[:, :1] * ahead * 2.25 + _SQUARE[:, 1:] * right * 0.98
            sheet.polygon(box, (70,))
        blurred = cv2.blur(image, (max(int(0.5 * pixels / size), 1),) * 2)
        return cv2.merge([blurred] * 3)


_SQUARE = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
_CIRCLE = np.column_stack([np.cos(np.arange(14) * np.pi / 7), np.sin(np.arange(14) * np.pi / 7)])


class _Sheet:
    """Draws in metres on a tile."""

    def __init__(self, image: np.ndarray, corner: tuple[float, float], size: float, scale: float) -> None:
        self.image, self.scale = image, scale
        self._west, self._north = corner[0], corner[1] + size
        self._middle, self._reach = (corner[0] + size / 2, corner[1] + size / 2), size

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        places = np.column_stack([points[:, 0] - self._west, self._north - points[:, 1]]) * self.scale - 0.5
        return np.rint(places * (1 << _SHIFT)).astype(np.int32)

    def far(self, point: np.ndarray) -> bool:
        """Whether a small thing at a point (2,) cannot be on the tile."""
        return bool(math.dist(point, self._middle) > self._reach + 4)

    def polygon(self, points: np.ndarray, colour: Sequence[int]) -> None:
        cv2.fillPoly(self.image, [self._pixels(points)], tuple(colour), cv2.LINE_AA, _SHIFT)

    def line(self, points: np.ndarray, colour: Sequence[int], width: float) -> None:
        thick = max(round(width * self.scale), 1)
        if width * self.scale < 0.5:
            return  # too fine for this scale: drawing it would make it wider than it is
        cv2.polylines(self.image, [self._pixels(points)], False, tuple(colour), thick, cv2.LINE_AA, _SHIFT)

    def bar(self, start: np.ndarray, end: np.ndarray, colour: Sequence[int], width: float) -> None:
        """A straight line with square ends."""
        length = max(math.dist(start, end), 1e-6)
        if math.dist((start + end) / 2, self._middle) > self._reach + length:
            return
        along = (end - start) / length
        side = np.array([along[1], -along[0]]) * width / 2
        self.polygon(np.stack([start + side, end + side, end - side, start - side]), colour)


def _wear(sheet: _Sheet, street: Street, seed: int) -> None:
    """Patches, cracks, manholes and an oily lane: each street has its own."""
    rng = np.random.default_rng([seed, 701, street.key])
    kerb = street.carriageway / 2
    for side in (-1, 1):
        sheet.bar(street.at(0, side * kerb * 0.5), street.at(street.length, side * kerb * 0.5), (97, 97, 99), 1.6)
    for _ in range(9):
        along, right = rng.uniform(0, street.length), rng.uniform(-kerb, kerb) * 0.8
        long, wide, shade = rng.uniform(1, 7), rng.uniform(0.6, 2.2), int(rng.choice([84, 92, 118]))
        sheet.bar(street.at(along, right), street.at(along + long, right), (shade, shade, shade + 2), wide)
    for _ in range(8):
        along, right = rng.uniform(0, street.length), rng.uniform(-kerb, kerb)
        steps = np.cumsum(rng.uniform(-0.5, 0.7, (7, 2)), axis=0)
        if not sheet.far(street.at(along, right)):
            sheet.line(np.stack([street.at(along + a, right + b) for a, b in steps]), (70, 70, 72), 0.06)
    for _ in range(4):
        spot = street.at(rng.uniform(0, street.length), rng.uniform(-kerb, kerb) * 0.6)
        sheet.polygon(spot + _CIRCLE * 0.36, (72, 70, 68))
        sheet.polygon(spot + _CIRCLE * 0.28, (86, 82, 78))
    for side in (-1, 1):  # the gutter
        right = side * (kerb - 0.15)
        sheet.bar(street.at(0, right), street.at(street.length, right), (84, 83, 82), 0.3)


def _markings(sheet: _Sheet, street: Street) -> None:
    white = (214, 214, 208)
    kerb = street.carriageway / 2
    low, high = street.start_gap, street.length - street.end_gap
    for along in np.arange(low + 7, high - 8, 6.0):
        sheet.bar(street.at(along), street.at(along + 3), white, 0.13)
    for side in (-1, 1):
        for along in np.arange(low + 4, high - 4, 6.0):  # parking bays
            sheet.bar(
                street.at(along, side * (kerb - 2.2)), street.at(along, side * (kerb - 1.4)), (190, 190, 186), 0.1
            )
    for start in (low - 1.5, high - 1.5):  # zebra crossings
        for right in np.arange(-kerb + 0.5, kerb - 0.4, 1.0):
            sheet.bar(street.at(start, right), street.at(start + 3.0, right), white, 0.5)
    stop = kerb / 2 - 0.1
    sheet.bar(street.at(high - 3.0, 0.2), street.at(high - 3.0, 2 * stop), white, 0.35)
    sheet.bar(street.at(low + 3.0, -0.2), street.at(low + 3.0, -2 * stop), white, 0.35)


def _touching(boxes: np.ndarray, corner: tuple[float, float], size: float, margin: float) -> np.ndarray:
    x, y = corner
    return np.flatnonzero(
        (boxes[:, 0] < x + size + margin) & (boxes[:, 2] > x - margin)
        & (boxes[:, 1] < y + size + margin) & (boxes[:, 3] > y - margin)
    )  # fmt: skip


def _near(rows: np.ndarray, corner: tuple[float, float], size: float, margin: float) -> list[list[float]]:
    x, y = rows[:, 0], rows[:, 1]
    inside = (x > corner[0] - margin) & (x < corner[0] + size + margin)
    inside &= (y > corner[1] - margin) & (y < corner[1] + size + margin)
    found: list[list[float]] = rows[inside].tolist()
    return found
