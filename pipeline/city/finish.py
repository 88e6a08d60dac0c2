"""From scene radiance to a photograph: haze, lamp glare, bloom, exposure, tone and sensor noise."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.city.camera import Camera, Shot
from pipeline.city.light import Light, decode_table

_NOISE = {"day": (0.6, 0.6), "sunset": (1.0, 0.9), "night": (1.9, 2.6)}  # display levels: fixed, colour
_LUMA = np.array([0.3, 0.59, 0.11], np.float32)
_COLOURS = 0.86 * np.eye(3, dtype=np.float32) + 0.14 * np.tile(_LUMA, (3, 1))


def develop(
    color: np.ndarray, inverse: np.ndarray, light: Light, shot: Shot, glare: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """(H, W, 3) uint8 from encoded radiance (H, W, 3) and 1 / depth (H, W).

    `glare`: rows (n, 4) of x, y (pixels), radius (pixels) and strength, and colours (n, 3).
    """
    radiance = decode_table(light.peak)[color]
    clear = np.exp(np.float32(-1 / light.haze_length) / np.maximum(inverse, 1e-4))
    clear[inverse <= 1e-4] = 1.0
    radiance *= clear[:, :, None]
    radiance += (1 - clear)[:, :, None] * np.array(light.haze, np.float32)
    if light.lamp > 0:
        _add_glare(radiance, *glare)
        radiance += _bloom(radiance)
    # Camera colours are a little duller than paint under pure light.
    radiance = cv2.transform(radiance, _COLOURS * np.float32(light.gain * 2.0**shot.exposure))
    display = np.sqrt(np.maximum(radiance, 0)) * np.float32(255)
    knee = np.float32(205)
    over = np.maximum(display - knee, 0)
    display = np.minimum(display, knee) + (255 - knee) * (1 - np.exp(-over / (255 - knee)))
    display += _noise(display.shape[:2], light, shot)
    return np.clip(display + np.float32(0.5), 0, 255).astype(np.uint8)


def _bloom(radiance: np.ndarray) -> np.ndarray:
    height, width = radiance.shape[:2]
    small = cv2.resize(radiance, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
    small = np.maximum(small - np.float32(0.25), 0)
    soft = cv2.GaussianBlur(small, (0, 0), max(width / 320, 0.5) * 1.6)
    result: np.ndarray = cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR) * np.float32(0.35)
    return result


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
        radiance[top:bottom, left:right] += (spot * np.float32(strength))[:, :, None] * colour.astype(np.float32)


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
    rng = np.random.default_rng([shot.noise_seed, 1001, len(light.name)])
    grey, colour = _NOISE[light.name]
    height, width = size
    fine = rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(grey)
    coarse = rng.standard_normal(((height + 1) // 2, (width + 1) // 2, 3), dtype=np.float32)
    coarse = cv2.resize(coarse * np.float32(colour), (width, height), interpolation=cv2.INTER_LINEAR)
    return fine + coarse
