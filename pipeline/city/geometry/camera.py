"""Where an image of the city is taken from, and how points of the city fall into it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

NEAR = 0.2  # metres: nothing nearer to the camera is drawn


@dataclass(frozen=True, slots=True)
class Shot:
    """One image to take.

    `x`, `y`: local metres (east, north). `yaw`: degrees clockwise from north. `pitch`: degrees up.
    `field_of_view`: horizontal, degrees. `camera_height`: metres above the street. `visit`: 0 is the
    database drive, 1 two years later (other cars, some fronts changed). `exposure`: stops, 0 is neutral.
    `noise_seed`: seeds sensor noise only.
    """

    x: float
    y: float
    yaw: float
    pitch: float = 0.0
    field_of_view: float = 60.0
    camera_height: float = 2.2
    visit: int = 0
    exposure: float = 0.0
    noise_seed: int = 0


class Camera:
    """A pinhole camera: `axes` holds right, down and forward as rows; `focal` is in pixels."""

    def __init__(self, shot: Shot, width: int, height: int) -> None:
        yaw, pitch = math.radians(shot.yaw), math.radians(shot.pitch)
        sin_yaw, cos_yaw = math.sin(yaw), math.cos(yaw)
        sin_pitch, cos_pitch = math.sin(pitch), math.cos(pitch)
        self.width, self.height = width, height
        self.position = np.array([shot.x, shot.y, shot.camera_height])
        self.axes = np.array(
            [
                [cos_yaw, -sin_yaw, 0.0],
                [sin_yaw * sin_pitch, cos_yaw * sin_pitch, -cos_pitch],
                [sin_yaw * cos_pitch, cos_yaw * cos_pitch, sin_pitch],
            ]
        )
        self.focal = width / 2 / math.tan(math.radians(shot.field_of_view) / 2)
        self.center = ((width - 1) / 2, (height - 1) / 2)
        cx, cy = self.center
        self.intrinsics = np.array([[self.focal, 0.0, cx], [0.0, self.focal, cy], [0.0, 0.0, 1.0]])
        self.projection = self.intrinsics @ self.axes

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """World points (..., 3) as camera coordinates (..., 3): right, down, depth in metres."""
        return (points - self.position) @ self.axes.T

    def to_screen(self, points: np.ndarray) -> np.ndarray:
        """Camera coordinates (..., 3) in front of the lens as pixels (..., 2)."""
        return points[..., :2] / points[..., 2:] * self.focal + self.center


def clip_polygon(points: np.ndarray, camera: Camera) -> np.ndarray:
    """Clip a convex polygon in camera coordinates (n, 3) to the near plane and the sides of the view.

    Returns (m, 3); m is 0 if nothing is left. The sides are a few pixels outside the image.
    """
    half_x = (camera.width / 2 + 4) / camera.focal
    half_y = (camera.height / 2 + 4) / camera.focal
    planes = (
        (0.0, 0.0, 1.0, -NEAR),
        (1.0, 0.0, half_x, 0.0),
        (-1.0, 0.0, half_x, 0.0),
        (0.0, 1.0, half_y, 0.0),
        (0.0, -1.0, half_y, 0.0),
    )
    polygon = [tuple(point) for point in points.tolist()]
    for a, b, c, d in planes:
        kept: list[tuple[float, ...]] = []
        sides = [a * x + b * y + c * z + d for x, y, z in polygon]
        for index, point in enumerate(polygon):
            before, side_before, side = polygon[index - 1], sides[index - 1], sides[index]
            if (side_before >= 0) != (side >= 0):
                share = side_before / (side_before - side)
                kept.append(tuple(p + share * (q - p) for p, q in zip(before, point, strict=True)))
            if side >= 0:
                kept.append(point)
        polygon = kept
        if len(polygon) < 3:
            return np.zeros((0, 3))
    return np.array(polygon)
