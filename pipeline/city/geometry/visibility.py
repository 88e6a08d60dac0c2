"""Which surfaces a camera may see, computed for all at once before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.city.geometry.camera import NEAR, Camera, clip_polygon
from pipeline.city.geometry.mesh import Quads

_CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
_SQUARE = 32.0  # metres
_HALVINGS = 3  # the finest level of the pyramid has cells of 8 x 8 pixels


@dataclass(frozen=True)
class Candidates:
    """Surfaces in front of the camera that face it.

    `index` (n,) into the table they come from; `to_plane` (n, 3, 3) maps pixels to (u, v, 1) / depth;
    `points` (n, 4, 3) corners in camera coordinates; `screen` (n, 4, 2) corners in pixels, only to be used
    where `whole` (n,) says that no clipping is needed; `nearest` (n,) 1 / depth of the nearest corner;
    `boxes` (n, 4) left, top, right, bottom in pixels, cut to the image.
    """

    index: np.ndarray
    to_plane: np.ndarray
    points: np.ndarray
    screen: np.ndarray
    whole: np.ndarray
    nearest: np.ndarray
    boxes: np.ndarray

    def polygon(self, row: int, camera: Camera) -> np.ndarray | None:
        """The corners (m, 2) in pixels of one surface, clipped when needed; None when nothing is left."""
        if self.whole[row]:
            return self.screen[row]
        clipped = clip_polygon(self.points[row], camera)
        return camera.to_screen(clipped) if len(clipped) else None


def candidates(camera: Camera, quads: Quads, among: np.ndarray | None, far: float) -> Candidates:
    """Drop what is behind the camera, outside the view, turned away, too far, or smaller than a pixel.

    Only rows `among` (m,) of the table are considered, or all of them.
    """
    origin, along, down = quads.origin, quads.along, quads.down
    if among is not None:
        origin, along, down = origin[among], along[among], down[among]
    centre = camera.to_camera(origin + along / 2 + down / 2)
    radius, depth = _radius(along, down), centre[:, 2]
    keep = _in_view(camera, centre, radius, far)
    keep &= radius * camera.focal > np.maximum(depth - radius, NEAR) * 0.9
    chosen = np.flatnonzero(keep)
    origin, along, down = origin[chosen], along[chosen], down[chosen]
    planes = camera.projection @ np.stack([along, down, origin - camera.position], axis=2)
    # The determinant is positive for what faces the camera, and small for what is seen edge-on.
    seen = np.linalg.det(planes) > 1e-5 * camera.focal**2
    chosen, origin, along, down, planes = (part[seen] for part in (chosen, origin, along, down, planes))
    corners = origin[:, None] + _CORNERS[:, :1] * along[:, None] + _CORNERS[:, 1:] * down[:, None]
    points = camera.to_camera(corners)
    lowest = points[..., 2].min(1)
    whole = lowest > 3 * NEAR
    screen = camera.to_screen(np.where(whole[:, None, None], points, 1.0))
    whole &= np.abs(screen).max((1, 2)) < 6000
    low, high = screen.min(1), screen.max(1)
    limit = np.array([camera.width - 1, camera.height - 1])
    low = np.where(whole[:, None], np.clip(np.floor(low), 0, limit), 0)
    high = np.where(whole[:, None], np.clip(np.ceil(high), 0, limit), limit)
    nearest = 1 / np.maximum(lowest, NEAR)
    boxes = np.column_stack([low, high]).astype(int)
    index = chosen if among is None else among[chosen]
    return Candidates(index, np.linalg.inv(planes), points, screen, whole, nearest, boxes)


class Cells:
    """Rows of a table by the square that they are in, to skip whole squares that are out of view."""

    def __init__(self, quads: Quads) -> None:
        centres = quads.centres
        places, cell = np.unique(np.floor(centres[:, :2] / _SQUARE), axis=0, return_inverse=True)
        cell = cell.ravel()
        counts = np.bincount(cell)
        self._rows = np.split(np.argsort(cell, kind="stable"), np.cumsum(counts)[:-1])
        self._middles = np.column_stack([(places + 0.5) * _SQUARE, np.full(len(places), 8.0)])
        reach = np.linalg.norm(centres - self._middles[cell], axis=1) + _radius(quads.along, quads.down)
        self._radii = np.zeros(len(places))
        np.maximum.at(self._radii, cell, reach)

    def seen(self, camera: Camera, far: float) -> np.ndarray:
        """Rows (m,) of all squares whose bounding spheres are in view up to `far` metres."""
        keep = _in_view(camera, camera.to_camera(self._middles), self._radii, far)
        chosen = [self._rows[index] for index in np.flatnonzero(keep).tolist()]
        return np.concatenate(chosen) if chosen else np.zeros(0, int)


def _radius(along: np.ndarray, down: np.ndarray) -> np.ndarray:
    return (np.sqrt((along**2).sum(1)) + np.sqrt((down**2).sum(1))) / 2


def _in_view(camera: Camera, centre: np.ndarray, radius: np.ndarray, far: float) -> np.ndarray:
    """Which spheres, at camera coordinates (n, 3), touch the view between the near plane and `far`."""
    half_x, half_y = camera.width / 2 / camera.focal, camera.height / 2 / camera.focal
    depth = centre[:, 2]
    keep: np.ndarray = (depth + radius > NEAR) & (depth - radius < far)
    keep &= np.abs(centre[:, 0]) < depth * half_x + radius * np.hypot(1, half_x)
    keep &= np.abs(centre[:, 1]) < depth * half_y + radius * np.hypot(1, half_y)
    return keep


def hidden(inverse: np.ndarray, boxes: np.ndarray, nearest: np.ndarray) -> np.ndarray:
    """(n,) bool: everything in the box (n, 4) is already nearer than 1 / depth `nearest` (n,).

    Looks at a pyramid of the smallest 1 / depth, at the level where a box covers at most 2 x 2 cells
    (Greene, Kass and Miller 1993, "Hierarchical Z-buffer visibility").
    """
    level = inverse
    for _ in range(_HALVINGS):
        level = _halved(level)
    cells = boxes >> _HALVINGS
    result = np.zeros(len(boxes), bool)
    waiting = np.ones(len(boxes), bool)
    while True:
        small = waiting & (cells[:, 2:] - cells[:, :2] <= 1).all(1)
        left, top, right, bottom = cells[small].T
        lowest = np.minimum(
            np.minimum(level[top, left], level[top, right]),
            np.minimum(level[bottom, left], level[bottom, right]),
        )
        result[small] = lowest >= nearest[small]
        waiting &= ~small
        if not waiting.any():
            return result
        level = _halved(level)
        cells = cells // 2


def _halved(level: np.ndarray) -> np.ndarray:
    """Smallest of each 2 x 2 cells."""
    rows, columns = level.shape
    if rows % 2 or columns % 2:
        level = np.pad(level, ((0, rows % 2), (0, columns % 2)), mode="edge")
    pairs = np.minimum(level[::2], level[1::2])
    return np.minimum(pairs[:, ::2], pairs[:, 1::2])
