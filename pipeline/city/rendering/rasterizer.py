"""A small z-buffered canvas: textured parallelograms in true perspective."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.city.geometry.camera import Camera

_SHIFT = 4  # sub-pixel bits of polygon corners
_LEVELS = np.arange(256, dtype=np.float64)[None, :, None]


class Canvas:
    """`color` (H, W, 3) uint8 in encoded radiance; `inverse` (H, W) float32: 1 / depth, 0 where empty."""

    def __init__(self, camera: Camera) -> None:
        self.camera = camera
        self.color = np.zeros((camera.height, camera.width, 3), np.uint8)
        self.inverse = np.zeros((camera.height, camera.width), np.float32)
        self._columns = np.arange(camera.width, dtype=np.float32)
        self._rows = np.arange(camera.height, dtype=np.float32)[:, None]

    def add(
        self, to_plane: np.ndarray, polygon: np.ndarray, texture: Callable[[], np.ndarray], *,
        test: bool = True, gain: np.ndarray | None = None, glow: Callable[[], np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        """Draw what is seen of a convex polygon of a plane.

        `to_plane` (3, 3) maps pixels to (u, v, 1) / depth with u, v in 0..1; `polygon` (n, 2) in pixels.
        `texture` is only called when a pixel passes the depth test; four channels mean a cut-out.
        `gain` (3,) multiplies it, `glow` is then laid over where it is brighter. `test=False` paints over
        everything and leaves the depths.
        """
        left, top = np.maximum(np.floor(polygon.min(0)), 0).astype(int)
        right = min(int(np.ceil(polygon[:, 0].max())), self.camera.width - 1)
        bottom = min(int(np.ceil(polygon[:, 1].max())), self.camera.height - 1)
        width, height = right - left + 1, bottom - top + 1
        if width <= 0 or height <= 0:
            return
        window = (slice(top, bottom + 1), slice(left, right + 1))
        mask = np.zeros((height, width), np.uint8)
        corners = np.rint((polygon - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_8, _SHIFT)
        inverse = None
        if test:
            a, b, c = to_plane[2]
            inverse = np.float32(a) * self._columns[window[1]] + (
                np.float32(b) * self._rows[window[0]] + np.float32(c)
            )
            mask &= cv2.compare(inverse, self.inverse[window], cv2.CMP_GT)
            if not cv2.countNonZero(mask):
                return
        picture = _warp(texture(), to_plane, (left, top), (width, height))
        if picture.shape[2] == 4:
            mask &= cv2.threshold(picture[:, :, 3], 127, 255, cv2.THRESH_BINARY)[1]
            picture = cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
        if gain is not None:
            table = np.minimum(_LEVELS * gain + 0.5, 255).astype(np.uint8)
            picture = cv2.LUT(picture, table)
        if glow is not None:
            picture = cv2.max(picture, _warp(glow(), to_plane, (left, top), (width, height)))
        cv2.copyTo(picture, mask, self.color[window])
        if inverse is not None:
            cv2.copyTo(inverse, mask, self.inverse[window])


def _warp(
    texture: np.ndarray, to_plane: np.ndarray, corner: tuple[int, int], size: tuple[int, int]
) -> np.ndarray:
    rows, columns = texture.shape[:2]
    scale = np.array([[columns, 0.0, -0.5], [0.0, rows, -0.5], [0.0, 0.0, 1.0]])
    shift = np.array([[1.0, 0.0, corner[0]], [0.0, 1.0, corner[1]], [0.0, 0.0, 1.0]])
    matrix = scale @ to_plane @ shift
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpPerspective(texture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
