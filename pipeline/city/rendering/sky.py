"""The sky as an image over the upper half sphere, seen from below."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.city.appearance.materials import TILE, noise
from pipeline.city.rendering.lighting import Light, encode

_SIZE = 1024
_RADIUS = 440.0  # pixels from the zenith to the horizon (stereographic)


def draw_sky(light: Light, seed: int, visit: int) -> np.ndarray:
    """(1024, 1024, 3) uint8 encoded radiance; the zenith is in the middle, north is down."""
    axis = (np.arange(_SIZE, dtype=np.float32) - _SIZE / 2) / _RADIUS
    a, b = np.meshgrid(axis, axis)
    square = a * a + b * b
    up = (1 - square) / (1 + square)
    east, north = 2 * a / (1 + square), 2 * b / (1 + square)
    height = np.clip(up, 0, 1)[..., None]
    towards = np.clip(east * light.sun[0] + north * light.sun[1] + up * light.sun[2], -1, 1)[..., None]
    if light.name == "day":
        colour = _mix((0.74, 0.83, 0.93), (0.17, 0.36, 0.74), height**0.5)
        colour = colour + np.array((0.5, 0.45, 0.36)) * np.maximum(towards, 0) ** 24
        lit, dark, cover = (1.02, 1.02, 1.03), (0.62, 0.66, 0.73), 0.5
    elif light.name == "sunset":
        side = (towards * 0.5 + 0.5) ** 1.6
        low = _mix((0.5, 0.34, 0.36), (1.3, 0.62, 0.22), side)
        colour = low * (1 - height**0.42) + np.array((0.14, 0.19, 0.36)) * height**0.42
        colour = colour + np.array((1.1, 0.55, 0.2)) * np.maximum(towards, 0) ** 60
        lit, dark, cover = (1.05, 0.5, 0.34), (0.36, 0.24, 0.3), 0.52
    else:
        colour = _mix((0.036, 0.029, 0.034), (0.003, 0.006, 0.016), height**0.5)
        lit, dark, cover = (0.026, 0.022, 0.026), (0.008, 0.009, 0.014), 0.5
    density = _clouds(east, north, up, [seed, 601, visit, 0])
    amount = (np.clip((density - cover) / 0.22, 0, 1) ** 1.3 * np.clip(up * 7, 0, 1))[..., None] * 0.9
    thick = np.clip((density - cover - 0.08) / 0.4, 0, 1)[..., None]
    cloud = np.array(lit) * (1 - thick) + np.array(dark) * thick
    return encode((colour * (1 - amount) + cloud * amount).astype(np.float32), light.peak)


def sky_map(x: np.ndarray, y: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows (h, w) of the sky image, for a camera with `axes` (right, down, forward as rows).

    `x` (w,) and `y` (h,): how far right and down the view goes for each metre forward; all float32.
    """
    east, north, up = (axes[0, i] * x[None] + (axes[1, i] * y[:, None] + axes[2, i]) for i in range(3))
    length = np.sqrt(x[None] ** 2 + (y[:, None] ** 2 + 1))
    scale = np.float32(_RADIUS) / (length + np.maximum(up, np.float32(-0.1) * length))
    middle = np.float32(_SIZE / 2)
    return east * scale + middle, north * scale + middle


def _mix(low: tuple[float, ...], high: tuple[float, ...], share: np.ndarray) -> np.ndarray:
    return np.array(low) * (1 - share) + np.array(high) * share


def _clouds(east: np.ndarray, north: np.ndarray, up: np.ndarray, key: list[int]) -> np.ndarray:
    """Fractal noise 0..1 on a plane far above, stretched towards the horizon."""
    rng = np.random.default_rng(key)
    depth = np.maximum(up, 0) + 0.12
    x, y = east / depth, north / depth
    total = np.zeros_like(up)
    weight = 0.0
    for octave in range(7):
        tile = noise(rng, 32).astype(np.float32)
        scale = 30.0 * 2.0**octave
        u, v = (
            ((x * scale + 1000) % TILE).astype(np.float32),
            ((y * scale * 1.3 + 1000) % TILE).astype(np.float32),
        )
        part = cv2.remap(tile, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        total += part * 0.62**octave
        weight += 0.62**octave
    return total / weight * 1.15 + 0.5
