"""Wall and ground materials: grey factor tiles around 1 that multiply a colour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np

TILE = 512  # pixels; tiles wrap around


@lru_cache(maxsize=16)
def material(name: str) -> np.ndarray:
    """A wrapping (TILE, TILE) float32 factor tile, about 0.7..1.2, of a material by name."""
    rng = np.random.default_rng([77, sum(name.encode())])
    tile = 1.0 + noise(rng, 64) * 0.05 + noise(rng, 8) * 0.03
    if name == "brick":
        tile *= _courses(rng, 4, 10, 0.13, 0.80)
    elif name == "stone":
        tile *= _courses(rng, 12, 24, 0.09, 0.78)
    elif name == "wood":
        tile[::5] *= 0.74
        tile[1::5] *= 0.92
        tile *= 1.0 + noise(rng, 1)[:, :1] * 0.03
    elif name == "panel":
        tile *= _courses(rng, 64, 86, 0.05, 0.7)
    elif name == "plaster":
        tile *= 1.0 + _streaks(rng) * 0.06 + noise(rng, 128) * 0.05
    elif name == "stain":
        tile += noise(rng, 256) * 0.08 + noise(rng, 64) * 0.035 + _streaks(rng) * 0.09
    elif name == "asphalt":
        tile *= 1.0 + noise(rng, 1) * 0.07 + noise(rng, 3) * 0.06 + noise(rng, 128) * 0.05
    elif name == "tiles":
        rows = np.arange(TILE) % 8 / 8
        columns = np.abs(np.sin(np.arange(TILE) * np.pi / 8))
        tile *= (0.72 + 0.35 * rows)[:, None] * (0.82 + 0.22 * columns)[None]
        tile *= 1.0 + noise(rng, 8) * 0.1
    elif name == "slate":
        tile *= _courses(rng, 6, 8, 0.12, 0.75)
    return tile.astype(np.float32)


@lru_cache(maxsize=16)
def _bytes(name: str) -> np.ndarray:
    """A material twice across and three times down, as uint8 with 128 for a factor of 1."""
    values = np.clip(material(name) * 128 + 0.5, 0, 255).astype(np.uint8)
    return np.tile(values, (3, 2))


def crop(name: str, height: int, width: int, offset: int) -> np.ndarray:
    """A (height, width) uint8 piece of a material, 128 for a factor of 1, starting at a seeded place.

    `height` is at most 2 * TILE + 100 and `width` at most TILE; larger pieces repeat.
    """
    top, left = offset % 97 * 4, offset * 13 % TILE
    picture = _bytes(name)
    if top + height > picture.shape[0] or left + width > picture.shape[1]:
        rows, columns = (np.arange(height) + top) % TILE, (np.arange(width) + left) % TILE
        return picture[np.ix_(rows, columns)]
    return picture[top : top + height, left : left + width]


def coloured(name: str, size: tuple[int, int], colour: Sequence[float], offset: int) -> np.ndarray:
    """A (height, width, 3) uint8 piece of a material in a colour; `size` is (height, width)."""
    shade = crop(name, *size, offset)
    factors = np.arange(256)[:, None] / 128 * np.asarray(colour)[None, :3]
    table = np.clip(factors, 0, 255).astype(np.uint8)[None]
    return cv2.LUT(cv2.merge([shade] * 3), table)


def noise(rng: np.random.Generator, size: int) -> np.ndarray:
    """Wrapping smooth noise in about -1..1 whose features are `size` pixels wide."""
    cells = max(TILE // size, 2)
    grid = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    if size == 1:
        return grid
    grid = np.pad(grid, 2, mode="wrap")
    scale = TILE // cells
    wide = cv2.resize(grid, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return wide[2 * scale : 2 * scale + TILE, 2 * scale : 2 * scale + TILE]


def _streaks(rng: np.random.Generator) -> np.ndarray:
    return cv2.blur(noise(rng, 4), (3, 61), borderType=cv2.BORDER_REFLECT)


def _courses(rng: np.random.Generator, height: int, width: int, spread: float, joint: float) -> np.ndarray:
    """Courses of blocks, every other one shifted by half a block, each block a little different."""
    rows, columns = np.arange(TILE) // height, np.arange(TILE)
    shift = (rows % 2) * (width // 2)
    cells = (columns[None] + shift[:, None]) // width
    shades = rng.uniform(1 - spread, 1 + spread, (rows.max() + 1, cells.max() + 1))
    tile: np.ndarray = shades[rows[:, None], cells]
    tile[np.arange(TILE) % height == 0] *= joint
    tile[(columns[None] + shift[:, None]) % width == 0] *= joint
    return tile
