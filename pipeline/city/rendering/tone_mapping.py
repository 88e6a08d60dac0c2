"""From scene radiance to a photograph: haze, lamp glare, bloom, exposure, tone and sensor noise."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from pipeline.city.geometry.camera import Camera, Shot
from pipeline.city.rendering.lighting import Light, decode_table

_NOISE = {"day": (0.6, 0.6), "sunset": (1.0, 0.9), "night": (1.9, 2.6)}  # display levels: fixed, colour
_GRAIN = 512  # pixels
_KNEE = np.float32(205)  # display level where the shoulder towards white begins
_LUMA = np.array([0.3, 0.59, 0.11], np.float32)
_COLOURS = 0.86 * np.eye(3, dtype=np.float32) + 0.14 * np.tile(_LUMA, (3, 1))


def develop(
    color: np.ndarray, inverse: np.ndarray, light: Light, shot: Shot, glare: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(H, W, 3) uint8 from encoded radiance (H, W, 3) and 1 / depth (H, W).

    `glare`: rows (n, 4) of x, y (pixels), radius (pixels) and strength, and colours (n, 3).
    """
    table = decode_table(light.peak)[None, :, None]
    radiance: np.ndarray = cv2.LUT(color, np.repeat(table, 3, axis=2))
    clear = cv2.exp(np.float32(-1 / light.haze_length) / np.maximum(inverse, np.float32(1e-4)))
    clear[inverse <= 1e-4] = 1.0
    radiance *= clear[:, :, None]
    radiance += (1 - clear)[:, :, None] * np.array(light.haze, np.float32)
    if light.lamp > 0:
        _add_glare(radiance, *glare)
        radiance += _bloom(radiance)
    radiance *= np.float32(_automatic(radiance, light))
    # Camera colours are a little less saturated than paint in white light.
    radiance = cv2.transform(radiance, _COLOURS * np.float32(2.0**shot.exposure))
    display = cv2.sqrt(np.maximum(radiance, 0)) * np.float32(255)
    over = np.maximum(display - _KNEE, 0) * (-1 / (255 - _KNEE))
    display = np.minimum(display, _KNEE) + (255 - _KNEE) * (1 - cv2.exp(over))
    display += _noise(display.shape[:2], light, shot)
    return np.clip(display + np.float32(0.5), 0, 255).astype(np.uint8)


def _automatic(radiance: np.ndarray, light: Light) -> float:
    """The camera's automatic exposure: half way (in stops) to its target, within a stop."""
    mean = float(radiance[::4, ::4].astype(np.float64).mean())
    return float(np.clip((light.aim / max(mean, 1e-6)) ** 0.5, 0.6, 1.6))


def _bloom(radiance: np.ndarray) -> np.ndarray:
    height, width = radiance.shape[:2]
    small = cv2.resize(radiance, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    small = np.maximum(small - np.float32(0.25), 0)
    soft = cv2.GaussianBlur(small, (0, 0), max(width / 320, 0.5) * 1.6)
    return cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(0.35)


def _add_glare(radiance: np.ndarray, rows: np.ndarray, colours: np.ndarray) -> None:
    height, width = radiance.shape[:2]
    for (x, y, radius, strength), colour in zip(rows.tolist(), colours, strict=True):
        reach = radius * 3.2
        left, right = max(int(x - reach), 0), min(int(x + reach) + 2, width)
        top, bottom = max(int(y - reach), 0), min(int(y + reach) + 2, height)
        if left >= right or top >= bottom:
            continue
        across = ((np.arange(left, right, dtype=np.float32) - np.float32(x)) / np.float32(radius)) ** 2
        down = ((np.arange(top, bottom, dtype=np.float32) - np.float32(y)) / np.float32(radius)) ** 2
        square = down[:, None] + across[None]
        spot = np.exp(-square * 3) * 1.6 + 0.12 / (1 + square * 1.5) * np.clip(1 - square / 10.2, 0, 1)
        radiance[top:bottom, left:right] += (spot * np.float32(strength))[:, :, None] * colour.astype(
            np.float32
        )


def glare_of(
    camera: Camera, inverse: np.ndarray, places: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which lights (n, 3) are seen, and rows (m, 3) of x, y and radius in pixels; `sizes` (n,) in metres."""
    points = camera.to_camera(places)
    seen = np.flatnonzero((points[:, 2] > 1.0) & (points[:, 2] < 140))
    spots = camera.to_screen(points[seen])
    columns, rows = np.rint(spots[:, 0]), np.rint(spots[:, 1])
    inside = (columns >= 0) & (columns < camera.width) & (rows >= 0) & (rows < camera.height)
    seen, spots = seen[inside], spots[inside]
    depth = points[seen, 2]
    behind = inverse[rows[inside].astype(int), columns[inside].astype(int)]
    open_ = behind < 1 / (depth - 0.5)
    radii = camera.focal * sizes[seen] / depth
    return seen[open_], np.column_stack([spots, radii])[open_]


def _noise(size: tuple[int, int], light: Light, shot: Shot) -> np.ndarray:
    """Fine grey and coarser colour noise (h, w, 3): a seeded piece of one large grain, turned or mirrored."""
    rng = np.random.default_rng([shot.noise_seed, 1001, len(light.name)])
    top, left, way = (int(value) for value in rng.integers((0, 0, 0), (_GRAIN, _GRAIN, 4)))
    height, width = size
    rows, columns = -(-height // _GRAIN) + 1, -(-width // _GRAIN) + 1
    grain = _grain(light.name)
    if rows > 2 or columns > 2:
        grain = np.tile(grain, (rows // 2 + 1, columns // 2 + 1, 1))
    piece = grain[top : top + height, left : left + width]
    return piece[:: 1 - way // 2 * 2, :: 1 - way % 2 * 2]


@lru_cache(maxsize=3)
def _grain(name: str) -> np.ndarray:
    """A wrapping field of noise, shown twice across and down, (2 * _GRAIN, 2 * _GRAIN, 3) float32."""
    rng = np.random.default_rng([1002, len(name)])
    grey, colour = _NOISE[name]
    fine = rng.standard_normal((_GRAIN, _GRAIN, 1), dtype=np.float32) * np.float32(grey)
    coarse = rng.standard_normal((_GRAIN // 2, _GRAIN // 2, 3), dtype=np.float32) * np.float32(colour)
    wide = cv2.resize(coarse, (_GRAIN, _GRAIN), interpolation=cv2.INTER_LINEAR)
    return np.tile(fine + wide, (2, 2, 1))
