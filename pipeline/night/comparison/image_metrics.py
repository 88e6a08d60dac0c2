"""Metrics of nights: brightness, contrast, how much of the day is visible, similarity to the true night.

Images are (H, W, 3) uint8 RGB; two images that are compared must have the same shape, else `ValueError`.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

# Luma levels per pixel from which a step counts as an edge, after a blur of `_EDGE_SIGMA` pixels.
EDGE_STEP = 4.0
_EDGE_SIGMA = 1.0
_SAME_DIRECTION = math.cos(math.radians(30))
_CANNY_SCALE = 128

# A night's pixel counts as lit if its strongest channel is above this: a window, a lamp, a wall in its light.
LIT = 150

# From Wang et al. 2004: the window, and the constants for 8 bits.
SSIM_WINDOW = 11
_SSIM_SIGMA = 1.5
_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def luma(pixels: np.ndarray) -> np.ndarray:
    """Return Y' of ITU-R BT.601, (H, W) float64 in 0..255."""
    return pixels @ np.array([0.299, 0.587, 0.114])


def brightness(pixels: np.ndarray) -> float:
    """Return the mean of the luma, 0..255."""
    return float(luma(pixels).mean())


def contrast(pixels: np.ndarray) -> float:
    """Return the standard deviation of the luma (root-mean-square contrast, Peli 1990), in levels."""
    return float(luma(pixels).std())


def visible_edges(day: np.ndarray, night: np.ndarray) -> float:
    """Return the share of the day's edges that are still visible in the night, 0..1; 1 if the day has none.

    Edges are Canny's (1986): the luma, slightly blurred, changes by at least `EDGE_STEP` levels per pixel,
    and not by more beside it. An edge of the day is visible if the night has an edge there or at one of the
    eight neighbouring pixels, within 30 degrees of its direction. Dark on bright may become bright on dark;
    edges that only the night has do not count.
    """
    _require_one_shape(day, night)
    wanted, (day_x, day_y) = _edges(day)
    found, (night_x, night_y) = _edges(night)
    if not wanted.any():
        return 1.0
    seen = np.zeros_like(wanted)
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            alike = day_x * _moved(night_x, down, across) + day_y * _moved(night_y, down, across)
            seen |= _moved(found, down, across) & (np.abs(alike) >= _SAME_DIRECTION)
    return float(np.count_nonzero(seen & wanted) / np.count_nonzero(wanted))


def lit(pixels: np.ndarray) -> np.ndarray:
    """Return which pixels are lit, (H, W) bool: those whose strongest channel is above `LIT`."""
    return pixels.max(axis=2) > LIT


def lights_in_place(night: np.ndarray, true: np.ndarray, reach: int = 2) -> tuple[float, float]:
    """Return the precision and recall, 0..1, of the lit pixels of `night` against those of the `true` night.

    Precision: the share of its lit pixels with a lit pixel of the true night at most `reach` pixels away
    along each axis; recall: the same with the images exchanged. 1 if there are no lit pixels to count. A
    night that is bright all over has low precision, and a dark one low recall.
    """
    _require_one_shape(night, true)
    found, wanted = lit(night), lit(true)
    return _share_near(found, wanted, reach), _share_near(wanted, found, reach)


def _share_near(some: np.ndarray, others: np.ndarray, reach: int) -> float:
    if not some.any():
        return 1.0
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate(others.astype(np.uint8), window) > 0
    return float(np.count_nonzero(some & near) / np.count_nonzero(some))


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio over all channels, in dB; infinite for equal images."""
    _require_one_shape(one, other)
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return math.inf if error == 0 else float(10 * np.log10(255**2 / error))


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Return the mean structural similarity of the luma (Wang et al. 2004), -1..1; 1 for equal images.

    Gaussian window of 11 pixels and sigma 1.5, at the images' own scale, averaged where the whole window is
    inside the image. `ValueError` if a side is shorter than the window.
    """
    _require_one_shape(one, other)
    if min(one.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM needs {SSIM_WINDOW}x{SSIM_WINDOW} pixels, found {one.shape[1]}x{one.shape[0]}"
        )
    x, y = luma(one), luma(other)
    mean_x, mean_y = _windowed(x), _windowed(y)
    variance_x = _windowed(x * x) - mean_x**2
    variance_y = _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    alike = (2 * mean_x * mean_y + _SSIM_C1) * (2 * covariance + _SSIM_C2)
    return float(np.mean(alike / ((mean_x**2 + mean_y**2 + _SSIM_C1) * (variance_x + variance_y + _SSIM_C2))))


def _edges(pixels: np.ndarray) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Where there are edges, (H, W) bool, and the directions across them, rightwards and downwards."""
    blurred = cv2.GaussianBlur(luma(pixels), (0, 0), _EDGE_SIGMA)
    right, down = (cv2.Sobel(blurred, cv2.CV_64F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    # OpenCV needs whole numbers.
    x, y = (np.rint(part * _CANNY_SCALE).astype(np.int16) for part in (right, down))
    step = EDGE_STEP * _CANNY_SCALE
    found = cv2.Canny(x, y, step, step, L2gradient=True) > 0
    length = np.maximum(np.hypot(right, down), 1e-9)
    return found, (right / length, down / length)


def _moved(values: np.ndarray, down: int, across: int) -> np.ndarray:
    """The values of the pixels `down` and `across` from each one; border values beyond the border."""
    rows, columns = (
        np.clip(np.arange(size) + by, 0, size - 1)
        for size, by in zip(values.shape, (down, across), strict=True)
    )
    return values[rows[:, None], columns[None]]


def _windowed(values: np.ndarray) -> np.ndarray:
    """Weighted means over the window, only where it is inside the image."""
    half = SSIM_WINDOW // 2
    window = (SSIM_WINDOW, SSIM_WINDOW)
    return cv2.GaussianBlur(values, window, _SSIM_SIGMA)[half:-half, half:-half]


def _require_one_shape(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape != other.shape:
        raise ValueError(f"the two images must have the same shape, found {one.shape} and {other.shape}")
