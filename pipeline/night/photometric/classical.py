"""Turns day into night by image processing: tone, light colour, lit windows, vignette, sensor noise.

It assumes little about the scene: the sky is bright, cool and smooth and begins at the upper border, and a
window is a dark patch in a lighter wall. A smooth pale wall that reaches the upper border counts as sky.

Everything is computed from integers, tables and single sums and products, and random numbers come from the
raw stream of a generator that the pixels seed, so the same pixels give the same night in every process.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.core.files import digest_bytes

# Rows that are processed at once, so that a large image does not need gigabytes.
_BAND = 128
# Shorter side, in pixels, of the image in which sky and windows are detected, unless it is smaller.
_LOOKED_AT = 720
_STEPS = 4095
# Standard deviation of the sum of four bytes.
_FOUR_BYTES = 147.8
# Thresholds for sky, in levels: brightness, smoothness and coolness.
_SKY_LEVEL, _SKY_ROUGH, _SKY_WARMER, _SKY_GREENER = 60, 16, 8, 4
_SKY_SHARE = 0.62
# Shares of the height below which there is no sky, and no windows.
_SKY_ENDS, _WINDOWS_END = 0.7, 0.8


@dataclass(frozen=True)
class ClassicalSettings:
    """How the classical night looks; light is linear, 1 is white.

    revision: increased when the code gives another night for the same settings.
    exposure: luma level (0-255) to which the median of the day without its sky is first brought.
    moon, street: ambient light, and light of street lamps, as red, green and blue.
    sky: light of the sky. window, lit: light behind windows, and the share of them that is lit.
    pools: pools of lamp light along the street. vignette: share of light lost in the corners.
    shot, read: variance of the sensor's noise, for each unit of light and in the dark.
    """

    revision: int = 1
    exposure: int = 105
    moon: tuple[float, float, float] = (0.050, 0.053, 0.064)
    street: tuple[float, float, float] = (0.230, 0.170, 0.106)
    sky: tuple[float, float, float] = (0.0075, 0.0065, 0.0095)
    window: tuple[float, float, float] = (0.60, 0.42, 0.21)
    lit: float = 0.45
    pools: int = 3
    vignette: float = 0.4
    shot: float = 4e-4
    read: float = 2e-6


def classical_night(pixels: np.ndarray, settings: ClassicalSettings) -> np.ndarray:
    """Turn an (H, W, 3) uint8 RGB image of the day into its night, of the same shape."""
    source = _Draws(pixels)
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = _shrunk(pixels)
    sky = _sky(small, luma)
    windows = _lit_windows(small, source, settings.lit)
    halo = cv2.GaussianBlur(windows, (0, 0), max(min(windows.shape) / 50, 0.5))
    windows, halo = _as_large(windows, luma), _as_large(halo, luma)
    gain = _gain(luma, sky, settings.exposure)
    pools = _pools(luma.shape[1], source, settings.pools)
    night = np.empty_like(pixels)
    for rows in _bands(luma.shape[0]):
        light = _light(rows, luma.shape, pools, settings)
        scene = _LINEAR[pixels[rows]] * (light * np.float32(gain))
        cover = _share(sky[rows])
        scene = scene * (1 - cover) + cover * _colour(settings.sky)
        behind = _share(windows[rows]) * (np.float32(0.35) + _share(luma[rows])) + _share(halo[rows]) / 2
        scene = scene + behind * _colour(settings.window)
        scene *= _vignette(rows, luma.shape, settings.vignette)
        noise = source.noise(scene.shape)
        scene += noise * np.sqrt(scene * np.float32(settings.shot) + np.float32(settings.read))
        night[rows] = _LEVELS[np.clip(np.rint(scene * _STEPS), 0, _STEPS).astype(np.int32)]
    return night


class _Draws:
    """Random numbers that depend only on the pixels; the raw stream is the same in all versions of numpy."""

    def __init__(self, pixels: np.ndarray) -> None:
        identity = f"{pixels.shape} {digest_bytes(np.ascontiguousarray(pixels).tobytes())}"
        self._stream = np.random.PCG64(int(digest_bytes(identity.encode("ascii")), 16))

    def shares(self, count: int) -> np.ndarray:
        """Numbers from 0 up to 1, (count,) float64."""
        return (self._stream.random_raw(count) >> np.uint64(11)) / 2.0**53

    def noise(self, shape: tuple[int, ...]) -> np.ndarray:
        """Float32 of mean 0 and variance 1, nearly normal: the sum of four bytes."""
        count = 4 * int(np.prod(shape))
        drawn = self._stream.random_raw(-(-count // 8)).astype("<u8").view(np.uint8)[:count]
        total = drawn.reshape(4, *shape).sum(axis=0, dtype=np.int16) - np.int16(510)
        return total.astype(np.float32) / np.float32(_FOUR_BYTES)


def _linear_levels() -> np.ndarray:
    """Linear light of each 8-bit level (sRGB, IEC 61966-2-1), (256,) float32."""
    level = np.arange(256) / 255
    curve = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    return curve.astype(np.float32)


def _encoded_levels() -> np.ndarray:
    """8-bit level of each of `_STEPS` + 1 even steps of linear light, the other way, uint8."""
    light = np.arange(_STEPS + 1) / _STEPS
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(255 * curve).astype(np.uint8)


_LINEAR, _LEVELS = _linear_levels(), _encoded_levels()


def _shrunk(pixels: np.ndarray) -> np.ndarray:
    """The image at the size at which sky and windows are detected."""
    height, width = pixels.shape[:2]
    share = _LOOKED_AT / min(height, width)
    if share >= 1:
        return pixels
    return cv2.resize(pixels, (round(width * share), round(height * share)), interpolation=cv2.INTER_AREA)


def _as_large(found: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """What was found in the shrunk image, (H, W) uint8, on the whole one."""
    return cv2.resize(found, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _sky(small: np.ndarray, luma: np.ndarray) -> np.ndarray:
    """How much of each pixel of `luma` is sky, (H, W) uint8, 255 for all; `small` is the image shrunk."""
    height, side = small.shape[0], min(small.shape[:2])
    size = _odd(side / 100)
    smooth = cv2.blur(small, (size, size))
    grey = cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY)
    red, green, blue = (smooth[..., channel].astype(np.int16) for channel in range(3))
    bright = grey >= max(_SKY_LEVEL, 0.8 * np.percentile(grey, 60))
    cool = (blue >= red - _SKY_WARMER) & (blue >= green - _SKY_GREENER)
    even = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, _square(3)) < _SKY_ROUGH
    mask: np.ndarray = (bright & cool & even).astype(np.uint8)
    mask[int(height * _SKY_ENDS) :] = 0
    # Wires do not divide the sky, and gaps between houses are not sky.
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _square(_odd(side / 50)))
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _square(_odd(side / 40)))
    mask = _from_above(mask)
    if not mask.any():
        return np.zeros_like(luma)
    # A wall below the sky, so far counted as sky, is darker than the sky's brightest part.
    mask = _from_above(mask * (grey >= _SKY_SHARE * np.percentile(grey[mask > 0], 90)).astype(np.uint8))
    if not mask.any():
        return np.zeros_like(luma)
    level = float(np.median(grey[mask > 0]))
    around = cv2.dilate(mask, _square(_odd(side / 25)))
    near = cv2.blur(np.where(around > 0, np.uint8(255), np.uint8(0)), (size, size))
    # Near roofs, wires and branches each pixel's own brightness decides.
    own = np.clip((np.arange(256) - 0.55 * level) / (0.25 * level), 0, 1)
    return np.rint(_as_large(near, luma) * own.astype(np.float32)[luma]).astype(np.uint8)


def _from_above(mask: np.ndarray) -> np.ndarray:
    """The parts of a mask that reach the upper border."""
    _, labels = cv2.connectedComponents(mask, connectivity=4)
    reaching = np.unique(labels[0])
    return np.isin(labels, reaching[reaching > 0]).astype(np.uint8)


def _lit_windows(small: np.ndarray, source: _Draws, lit: float) -> np.ndarray:
    """How brightly windows are lit, (H, W) uint8 of the size of `small`; most are dark."""
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    side = min(luma.shape)
    around = cv2.medianBlur(luma, _odd(side / 8))
    dark: np.ndarray = (luma < 0.72 * around).astype(np.uint8)
    dark[int(luma.shape[0] * _WINDOWS_END) :] = 0
    dark = cv2.morphologyEx(dark, cv2.MORPH_OPEN, _square(3))
    count, labels, found, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
    width, height, area = (
        found[:, column] for column in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    upright = (area > 0.6 * width * height) & (width < 4 * height) & (height < 4 * width)
    window = upright & (area > side * side / 4000) & (area < side * side / 60)
    window[0] = False  # what is not dark
    draw = source.shares(count)
    bright = np.where(window & (draw < lit), 64 + 191 * draw / max(lit, 1e-9), 0)
    return np.rint(bright).astype(np.uint8)[labels]


def _gain(luma: np.ndarray, sky: np.ndarray, exposure: int) -> float:
    """The factor that brings the median of all but the sky to the level `exposure`, within two stops."""
    ground = luma[sky < 128]
    median = round(float(np.median(ground))) if ground.size else exposure
    return float(np.clip(_LINEAR[exposure] / max(_LINEAR[median], 1e-4), 0.5, 2))


def _pools(width: int, source: _Draws, count: int) -> np.ndarray:
    """Street light from left to right, (W,) float64: an even part, and pools below lamps."""
    across = (np.arange(width) + 0.5) / width
    light = np.full(width, 0.35)
    for middle, reach in source.shares(2 * count).reshape(count, 2):
        light += 0.9 * np.exp(-(((across - middle) / (0.12 + 0.15 * reach)) ** 2))
    return light


def _light(rows: slice, shape: tuple[int, ...], pools: np.ndarray, settings: ClassicalSettings) -> np.ndarray:
    """Light on the scene, (rows, W, 3) float32: strongest below the middle, where lamps shine."""
    down = (np.arange(shape[0])[rows] + 0.5) / shape[0]
    upright = np.clip(1 - ((down - 0.65) / 0.6) ** 2, 0, 1)
    lamps = (upright[:, None] * pools[None]).astype(np.float32)[..., None]
    return _colour(settings.moon) + lamps * _colour(settings.street)


def _vignette(rows: slice, shape: tuple[int, ...], loss: float) -> np.ndarray:
    """The share of light that the lens lets through, (rows, W, 1) float32."""
    down, across = ((np.arange(size) + 0.5) / size - 0.5 for size in shape[:2])
    radius = 2 * (down[rows, None] ** 2 + across[None] ** 2)
    return (1 - loss * radius).astype(np.float32)[..., None]


def _bands(height: int) -> Iterator[slice]:
    return (slice(top, min(top + _BAND, height)) for top in range(0, height, _BAND))


def _colour(light: tuple[float, float, float]) -> np.ndarray:
    return np.array(light, np.float32)


def _share(levels: np.ndarray) -> np.ndarray:
    return levels[..., None].astype(np.float32) / np.float32(255)


def _square(size: int) -> np.ndarray:
    return np.ones((size, size), np.uint8)


def _odd(size: float) -> int:
    return max(3, int(size) | 1)
