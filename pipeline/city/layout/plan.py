"""The plan of the city: streets on a slightly irregular grid, and blocks of lots between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from pipeline.city.layout.lots import Building, fill_row
from pipeline.city.layout.street_furniture import Kerbside, furnish
from pipeline.runtime.errors import ParameterError

PAVEMENT = 3.2  # metres between kerb and facades
ROW_DEPTH = 12.0  # metres from the street front to the back of a building
_BLOCK = (60.0, 90.0)
_STREET = (16.0, 21.0)
_JITTER = 3.5


@dataclass(frozen=True, slots=True)
class Street:
    """A straight street between two crossings: centre line in local metres, width between fronts."""

    x0: float
    y0: float
    x1: float
    y1: float
    width: float
    # How far the crossing streets reach into both ends, and the seed of its furniture.
    start_gap: float = 0.0
    end_gap: float = 0.0
    key: int = 0

    @property
    def length(self) -> float:
        """Metres between the two crossings' centres."""
        return math.hypot(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def direction(self) -> np.ndarray:
        """Unit vector along the street (2,)."""
        return np.array([self.x1 - self.x0, self.y1 - self.y0]) / self.length

    @property
    def carriageway(self) -> float:
        """Metres from kerb to kerb."""
        return self.width - 2 * PAVEMENT

    def at(self, along: float, right: float = 0.0) -> np.ndarray:
        """The point (2,) `along` metres from the start and `right` metres to the right of the centre line."""
        east, north = self.direction
        return np.array([self.x0 + along * east + right * north, self.y0 + along * north - right * east])


@dataclass(frozen=True)
class City:
    """Everything that is the same on every visit and at every time of day."""

    seed: int
    extent: tuple[float, float]
    streets: tuple[Street, ...]
    blocks: tuple[np.ndarray, ...] = field(repr=False)  # each (n, 2), counter-clockwise
    buildings: tuple[Building, ...] = field(repr=False)
    kerbside: Kerbside = field(repr=False)


def build_city(seed: int, blocks_east: int, blocks_north: int) -> City:
    """Plan a city of `blocks_east` x `blocks_north` blocks.

    Streets run around and between the blocks; a last row of buildings closes the view behind the outermost
    streets. Raises `ParameterError` unless both numbers are at least 1.
    """
    if blocks_east < 1 or blocks_north < 1:
        raise ParameterError(
            f"a city needs at least 1 x 1 blocks, found {blocks_east} x {blocks_north}",
            hint="give blocks_east and blocks_north of 1 or more",
        )
    columns, widths_x = _lines(seed, 1, blocks_east)
    rows, widths_y = _lines(seed, 2, blocks_north)
    nodes = _nodes(seed, columns, rows)
    streets = _streets(nodes, widths_x, widths_y)
    blocks, open_rows = _blocks(nodes, widths_x, widths_y)
    buildings: list[Building] = []
    for block in blocks:
        for side in range(4):
            line, inward = _front(block, side)
            buildings += fill_row(seed, len(buildings), line, inward)
    outer = []
    for line in open_rows:
        back = _shifted(line, -ROW_DEPTH)
        outer.append(np.concatenate([line, back[::-1]]))
        for start, end in pairwise(line):
            along = _normalised(end - start)
            inward = np.array([-along[1], along[0]]) * ROW_DEPTH
            buildings += fill_row(seed, len(buildings), np.stack([start, end]), inward, corner=False)
    extent = (
        float(columns[-1] + widths_x[-1] / 2 + ROW_DEPTH + 2 * _JITTER),
        float(rows[-1] + widths_y[-1] / 2 + ROW_DEPTH + 2 * _JITTER),
    )
    return City(seed, extent, streets, (*blocks, *outer), tuple(buildings), furnish(seed, streets))


def _lines(seed: int, axis: int, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, 101, axis])
    widths = rng.uniform(*_STREET, blocks + 1).round(1)
    sizes = rng.uniform(*_BLOCK, blocks)
    start = ROW_DEPTH + 2 * _JITTER + widths[0] / 2
    steps = sizes + (widths[:-1] + widths[1:]) / 2
    return start + np.concatenate([[0.0], np.cumsum(steps)]), widths


def _nodes(seed: int, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng([seed, 102])
    grid = np.stack(np.meshgrid(columns, rows, indexing="ij"), axis=-1)
    return grid + rng.uniform(-_JITTER, _JITTER, grid.shape)


def _streets(nodes: np.ndarray, widths_x: np.ndarray, widths_y: np.ndarray) -> tuple[Street, ...]:
    """Streets going east (width of their row), then streets going north (width of their column)."""
    streets: list[Street] = []
    for axis, own, across in ((0, widths_y, widths_x), (1, widths_x, widths_y)):
        grid = nodes if axis == 0 else nodes.transpose(1, 0, 2)
        for line in range(grid.shape[1]):
            for step in range(grid.shape[0] - 1):
                (x0, y0), (x1, y1) = grid[step, line], grid[step + 1, line]
                gaps = (float(across[step]) / 2, float(across[step + 1]) / 2)
                ends = (float(x0), float(y0), float(x1), float(y1))
                streets.append(Street(*ends, float(own[line]), *gaps, key=len(streets)))
    return tuple(streets)


def _blocks(
    nodes: np.ndarray, widths_x: np.ndarray, widths_y: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Inner blocks as corners (4, 2), and outer rows as front lines (n, 2) with the street on their right."""
    east, north = nodes.shape[0] - 1, nodes.shape[1] - 1
    blocks = []
    for i in range(east):
        for j in range(north):
            corners = nodes[[i, i + 1, i + 1, i], [j, j, j + 1, j + 1]]
            halves = np.array([widths_y[j], widths_x[i + 1], widths_y[j + 1], widths_x[i]]) / 2
            blocks.append(_inset(corners, halves))
    ring = [nodes[::-1, 0], nodes[-1, ::-1], nodes[:, -1], nodes[0, :]]
    halves = np.array([widths_y[0], widths_x[-1], widths_y[-1], widths_x[0]]) / 2
    rows = []
    for line, half in zip(ring, halves, strict=True):
        # Each row reaches past the corner, so that the corner is closed.
        first, last = _normalised(line[1] - line[0]), _normalised(line[-1] - line[-2])
        line = line.copy()
        line[0] -= first * (half + 1.5)
        line[-1] += last * (half + 1.5)
        rows.append(_shifted(line, -half))
    return blocks, rows


def _front(block: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Front line (2, 2) of one side of a block, less the depth of the next side, and the way (2,) inwards."""
    start, end, before = block[side], block[(side + 1) % 4], block[side - 1]
    line = np.stack([start, end - _normalised(end - start) * ROW_DEPTH])
    return line, _normalised(before - start) * ROW_DEPTH


def _inset(corners: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Move each side of a counter-clockwise quadrilateral inwards by its half street."""
    lines = []
    for side in range(4):
        start = corners[side]
        along = _normalised(corners[(side + 1) % 4] - start)
        lines.append((start + np.array([-along[1], along[0]]) * halves[side], along))
    return np.stack([_meet(lines[side - 1], lines[side]) for side in range(4)])


def _shifted(line: np.ndarray, right: float) -> np.ndarray:
    """A polyline (n, 2) moved `right` metres to its right, corners mitred."""
    parts = []
    for start, end in pairwise(line):
        along = _normalised(end - start)
        parts.append((start + np.array([along[1], -along[0]]) * right, along, end - start))
    points = [parts[0][0]]
    for before, after in pairwise(parts):
        points.append(_meet(before[:2], after[:2]))
    points.append(parts[-1][0] + parts[-1][2])
    return np.stack(points)


def _meet(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    (p, a), (q, b) = first, second
    cross = a[0] * b[1] - a[1] * b[0]
    if abs(cross) < 1e-6:
        return q
    gap = q - p
    return p + a * ((gap[0] * b[1] - gap[1] * b[0]) / cross)


def _normalised(vector: np.ndarray) -> np.ndarray:
    return vector / math.hypot(*vector)
