"""The ground as square tiles: its markings, light and shadows."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.city.appearance.materials import crop
from pipeline.city.appearance.road_markings import CIRCLE, SQUARE, Shape, block_shapes, box_of, street_shapes
from pipeline.city.layout.plan import PAVEMENT, City
from pipeline.city.layout.street_furniture import Cars
from pipeline.city.rendering.lighting import Illumination, Light, under

_ASPHALT = (104, 104, 106)
_SHIFT = 4


class Ground:
    """Draws tiles of one city's ground."""

    def __init__(self, city: City) -> None:
        self._city = city
        # Streets first, blocks over them; the shapes of a layer are made when a tile first needs them.
        ends = np.array([[street.x0, street.y0, street.x1, street.y1] for street in city.streets])
        low, high = np.minimum(ends[:, :2], ends[:, 2:]) - 20, np.maximum(ends[:, :2], ends[:, 2:]) + 20
        blocks = [[*(block.min(0) - PAVEMENT), *(block.max(0) + PAVEMENT)] for block in city.blocks]
        self._layer_boxes = np.concatenate([np.column_stack([low, high]), np.array(blocks)])
        self._layers: dict[int, tuple[list[Shape], np.ndarray]] = {}
        self._parks = [building.corners for building in city.buildings if building.kind == "park"]

    def albedo(self, corner: tuple[float, float], size: float, scale: float) -> np.ndarray:
        """(n, n, 3) uint8 albedo of the square at `corner` (south-west, metres), `scale` pixels a metre.

        Row 0 is the northern edge.
        """
        pixels = round(size * scale)
        shade = crop("asphalt", pixels, pixels, int(corner[0] * 7 + corner[1] * 3))
        image = np.empty((pixels, pixels, 3), np.uint8)
        image[:] = _ASPHALT
        sheet = _Sheet(image, corner, size, scale)
        for layer in _touching(self._layer_boxes, corner, size).tolist():
            shapes, boxes = self._layer(layer)
            for index in _touching(boxes, corner, size).tolist():
                sheet.draw(shapes[index])
        for row in _near(self._city.kerbside.trees, corner, size, 2.0):
            sheet.draw(Shape(np.array(row[:2]) + SQUARE * 0.65, (92, 76, 60)))
        return cv2.multiply(image, cv2.merge([shade] * 3), scale=1 / 128)

    def _layer(self, index: int) -> tuple[list[Shape], np.ndarray]:
        """The shapes of one street or block, and their boxes (n, 4)."""
        if index not in self._layers:
            streets = self._city.streets
            if index < len(streets):
                shapes = street_shapes(streets[index], self._city.seed)
            else:
                number = index - len(streets)
                block = self._city.blocks[number]
                shapes = block_shapes(block, self._parks_in(block), [self._city.seed, 702, number])
            self._layers[index] = (shapes, np.array([box_of(shape) for shape in shapes]))
        return self._layers[index]

    def _parks_in(self, block: np.ndarray) -> list[np.ndarray]:
        outline = block.astype(np.float32)
        return [
            park for park in self._parks if cv2.pointPolygonTest(outline, park.mean(0).tolist(), False) >= 0
        ]

    def lit(
        self, albedo: np.ndarray, place: tuple[tuple[float, float], float], cars: Cars,
        illumination: Illumination, light: Light,
    ) -> np.ndarray:  # fmt: skip
        """Encoded radiance of a tile: its albedo under the light, darker under trees and cars."""
        corner, size = place
        cells = 40 if size <= 20 else 64
        axis = (np.arange(cells) + 0.5) * size / cells
        x, y = np.meshgrid(corner[0] + axis, corner[1] + size - axis)
        points = np.column_stack([x.ravel(), y.ravel(), np.zeros(cells * cells)])
        falling = illumination.falling(points, np.array([0.0, 0.0, 1.0]), light).reshape(cells, cells, 3)
        trees, under_cars = self._shadows(corner, size, albedo.shape[0], cars, light)
        # A tree only blocks the sun, and only where it shines.
        share = np.clip(falling[:, :, 0] / max(light.sun_colour[0] * light.sun[2], 1e-3) - 0.3, 0, 1)
        sunny = cv2.resize(share.astype(np.float32), trees.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        shade = cv2.multiply(255 - trees, sunny, dtype=cv2.CV_8U)
        shadow = cv2.merge([cv2.min(255 - shade, under_cars)] * 3)
        return cv2.multiply(under(albedo, falling, light.peak), shadow, scale=1 / 255)

    def _shadows(
        self, corner: tuple[float, float], size: float, pixels: int, cars: Cars, light: Light
    ) -> tuple[np.ndarray, np.ndarray]:
        """(pixels, pixels) uint8 twice: the remaining light under trees, and under cars."""
        trees = np.full((pixels, pixels), 255, np.uint8)
        sheet = _Sheet(trees, corner, size, pixels / size)
        for x, y, height, _ in _near(self._city.kerbside.trees, corner, size, 16.0):
            reach = height * 0.65 / max(light.sun[2], 0.35)
            rng = np.random.default_rng([int(abs(x) * 10), int(abs(y) * 10)])
            for east, north in rng.normal(0, 0.13 * height, (9, 2)):
                centre = np.array([x - light.sun[0] * reach + east, y - light.sun[1] * reach + north])
                sheet.shade(centre + CIRCLE * height * 0.15, 135)
        under_cars = np.full((pixels, pixels), 255, np.uint8)
        sheet = _Sheet(under_cars, corner, size, pixels / size)
        for x, y, heading, *_ in _near(cars.rows, corner, size, 4.0):
            angle = np.radians(heading)
            ahead, right = np.array([np.sin(angle), np.cos(angle)]), np.array([np.cos(angle), -np.sin(angle)])
            middle = np.array([x, y]) - np.array(light.sun[:2]) * 0.5
            box = middle + SQUARE[:, :1] * ahead * 2.25 + SQUARE[:, 1:] * right * 0.98
            sheet.shade(box, 70)
        soft = (max(int(0.5 * pixels / size), 1),) * 2
        return cv2.blur(trees, soft), cv2.blur(under_cars, soft)


class _Sheet:
    """Draws in metres on a tile."""

    def __init__(self, image: np.ndarray, corner: tuple[float, float], size: float, scale: float) -> None:
        self._image, self._scale = image, scale
        self._corner = np.array([corner[0], corner[1] + size])

    def draw(self, shape: Shape) -> None:
        """Draw a polygon or a line, unless the line is too fine to be seen at this scale."""
        self._fill(shape.points, shape.colour, shape.width * self._scale)

    def shade(self, points: np.ndarray, value: int) -> None:
        """Fill a polygon of a grey tile."""
        self._fill(points, (value,), 0.0)

    def _fill(self, points: np.ndarray, colour: Sequence[int], width: float) -> None:
        places = (points - self._corner) * (self._scale, -self._scale) - 0.5
        pixels = np.rint(places * (1 << _SHIFT)).astype(np.int32)
        if not width:
            cv2.fillPoly(self._image, [pixels], tuple(colour), cv2.LINE_AA, _SHIFT)
        elif width >= 0.5:
            thick = max(round(width), 1)
            cv2.polylines(self._image, [pixels], False, tuple(colour), thick, cv2.LINE_AA, _SHIFT)


def _touching(boxes: np.ndarray, corner: tuple[float, float], size: float) -> np.ndarray:
    x, y = corner
    inside = (boxes[:, 0] < x + size) & (boxes[:, 2] > x) & (boxes[:, 1] < y + size) & (boxes[:, 3] > y)
    return np.flatnonzero(inside)


def _near(rows: np.ndarray, corner: tuple[float, float], size: float, margin: float) -> list[list[float]]:
    x, y = rows[:, 0], rows[:, 1]
    inside = (x > corner[0] - margin) & (x < corner[0] + size + margin)
    inside &= (y > corner[1] - margin) & (y < corner[1] + size + margin)
    return rows[inside].tolist()
