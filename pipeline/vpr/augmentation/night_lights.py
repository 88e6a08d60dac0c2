"""Random lights for night images, drawn again each time an image is used.

A translator always lights a street in the same way, and a network can learn to recognise that; in a true
night other windows, lamps and shops are lit. A model that sees one night under many lights must learn what
does not change (domain randomisation, Tobin et al. 2017). The values were tuned on the embedded city.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from PIL import Image

from pipeline.runtime.ranges import Factor, Range, Whole, require_ranges

# Nodes of the illumination field over the height; over the width there is one more.
_NODES = (3, 9)
# Shares of `shade`: exposure of the whole image, and tint of each channel.
_EXPOSURE, _TINT = 0.5, 0.25
# In heights of the image: where windows, lamps and shop fronts are, and their sizes.
_WINDOWS_LIE, _WINDOW_HEIGHT, _WINDOW_WIDTH = (0.08, 0.78), (0.01, 0.045), (0.01, 0.035)
_LAMPS_LIE, _LAMP_RADIUS, _GLOW = (0.05, 0.73), (0.012, 0.063), 4.0
_FRONTS_LIE, _FRONT_HEIGHT, _FRONT_WIDTH = (0.42, 0.73), (0.04, 0.15), (0.08, 0.36)
_FRONTS = 0.3
# In radii: where a glow ends.
_GLOW_ENDS = 2.5
# Levels of 255.
_WINDOW_LEVELS, _LAMP_LEVELS, _GLOW_LEVELS, _FRONT_LEVELS = (60, 220), (60, 255), (5, 40), (40, 180)
# Green and blue of warm to white light, whose red is 1.
_GREEN, _BLUE = (0.7, 1.0), (0.35, 0.95)


@dataclass(frozen=True)
class Lights:
    """Other illumination, with new windows and lamps and sometimes a lit shop front.

    Three images in ten get a lit shop front.

    shade: standard deviation of the logarithm of the illumination, which varies smoothly over the image. Half
        of it is the deviation of the exposure of the whole image, a quarter that of the tint of each channel.
    windows: largest number of lit windows; the number is drawn uniformly.
    lamps: largest number of lamps; the number is drawn uniformly.
    noise: sensor noise: its largest standard deviation, in levels of 255.
    """

    shade: Factor
    windows: Whole
    lamps: Whole
    noise: Annotated[float, Range("levels", least=0)]

    def __post_init__(self) -> None:
        require_ranges(self)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Change an image of any size."""
        pixels = np.asarray(image, dtype=np.float32) * self._falling(image.size, rng)
        height = image.height
        for _ in range(int(rng.integers(self.windows + 1))):
            window = _rectangle(pixels, rng, _WINDOWS_LIE, _WINDOW_HEIGHT, _WINDOW_WIDTH)
            window[:] = _warm(rng) * _drawn(rng, _WINDOW_LEVELS)
        for _ in range(int(rng.integers(self.lamps + 1))):
            radius = height * _drawn(rng, _LAMP_RADIUS)
            x, y = image.width * rng.random(), height * _drawn(rng, _LAMPS_LIE)
            for size, levels in ((radius, _LAMP_LEVELS), (_GLOW * radius, _GLOW_LEVELS)):
                _add_glow(pixels, x, y, size, _warm(rng) * _drawn(rng, levels))
        if rng.random() < _FRONTS:
            front = _rectangle(pixels, rng, _FRONTS_LIE, _FRONT_HEIGHT, _FRONT_WIDTH)
            front[:] = front / 2 + _warm(rng) * _drawn(rng, _FRONT_LEVELS)
        noise = rng.standard_normal(pixels.shape[:2], dtype=np.float32) * (self.noise * rng.random())
        pixels += noise[..., None]
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

    def _falling(self, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        """The illumination that the image is multiplied by: (H, W, 3), float32."""
        nodes = int(rng.integers(*_NODES))
        field = rng.normal(0, self.shade, (nodes, nodes + 1)).astype(np.float32)
        smooth = cv2.resize(field, size, interpolation=cv2.INTER_CUBIC)
        exposure = rng.normal(0, self.shade * _EXPOSURE)
        tint = rng.normal(0, self.shade * _TINT, 3)
        light: np.ndarray = np.exp(smooth[..., None] + (exposure + tint).astype(np.float32))
        return light


def _drawn(rng: np.random.Generator, between: tuple[float, float]) -> float:
    return float(rng.uniform(*between))


def _warm(rng: np.random.Generator) -> np.ndarray:
    return np.array([1.0, _drawn(rng, _GREEN), _drawn(rng, _BLUE)], dtype=np.float32)


def _rectangle(
    pixels: np.ndarray,
    rng: np.random.Generator,
    lie: tuple[float, float],
    tall: tuple[float, float],
    wide: tuple[float, float],
) -> np.ndarray:
    """A random rectangle of `pixels`, as a view; the ranges are in heights of the image."""
    height, width = pixels.shape[:2]
    top, left = round(height * _drawn(rng, lie)), int(rng.integers(width))
    rows, columns = (max(1, round(height * _drawn(rng, range_))) for range_ in (tall, wide))
    return pixels[top : top + rows, left : left + columns]


def _add_glow(pixels: np.ndarray, x: float, y: float, radius: float, colour: np.ndarray) -> None:
    """Add light that fades from `colour` at (x, y), to 1/e of it at `radius`."""
    shares, spans = [], []
    for middle, count in zip((y, x), pixels.shape[:2], strict=True):
        first = max(0, int(middle - _GLOW_ENDS * radius))
        last = min(count, int(middle + _GLOW_ENDS * radius) + 2)
        away = (np.arange(first, last, dtype=np.float32) - middle) / radius
        shares.append(np.exp(-(away**2)))
        spans.append(slice(first, last))
    down, across = shares
    pixels[spans[0], spans[1]] += (down[:, None] * across)[..., None] * colour
