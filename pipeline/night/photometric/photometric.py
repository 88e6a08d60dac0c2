"""Nights without a network: the paper's smart night augmentation, and a classical night of our own."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Literal, get_args

import cv2
import numpy as np

from pipeline.core.files import digest_document
from pipeline.night.photometric.classical import ClassicalSettings, classical_night
from pipeline.runtime.errors import ParameterError

# literal: the augmentation as the paper's code ran it on 8-bit images, where thresholds go up to 255: nearly
# everything is inverted. meant: the same with the threshold scaled to 255. classical: our own.
Style = Literal["literal", "meant", "classical"]
STYLES: tuple[Style, ...] = get_args(Style)

# Levels from which the paper's augmentation inverts, by style, and its brightness factor.
SOLARIZE_THRESHOLDS = {"literal": 0.25, "meant": 0.25 * 255}
BRIGHTNESS_FACTOR = 0.55

# Peak memory from reading the day to writing the night, a little more than measured: bytes for each pixel,
# and for each pixel of a row in the bands of the classical night.
_LIVE_PIXEL, _LIVE_COLUMN = 17, 13_000


class PhotometricTranslator:
    """Makes nights in one of `STYLES`; an image's night depends only on its pixels.

    Raises `ParameterError` for another style.
    """

    def __init__(self, style: str) -> None:
        if style not in STYLES:
            raise ParameterError(f"no such photometric style: {style!r}; known are {', '.join(STYLES)}")
        # Each worker has one core, and bytes must not depend on the number of threads.
        cv2.setNumThreads(1)
        self.style = style
        self._classical = ClassicalSettings()

    @property
    def digest(self) -> str:
        """SHA-256 over the style, its constants and the numeric path."""
        return digest_document(self.record())

    def record(self) -> dict[str, str]:
        """What nights of this style depend on, as text; its constants take the place of weights."""
        settings = json.dumps({"style": self.style, **self._constants()}, sort_keys=True)
        return {
            "translator": "photometric",
            "checkpoint_digest": digest_document([settings]),
            "settings": settings,
            # The filters may round differently in another release; a lookup table does not.
            "numeric_path": f"opencv-{cv2.__version__}" if self.style == "classical" else "table",
        }

    def memory(self, width: int, height: int) -> int:
        """Estimate the peak memory of translating an image of this size, in bytes."""
        return width * (_LIVE_PIXEL * height + _LIVE_COLUMN)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Translate (H, W, 3) uint8 RGB to (H, W, 3) uint8 RGB."""
        if self.style == "classical":
            return classical_night(pixels, self._classical)
        return smart_night(pixels, SOLARIZE_THRESHOLDS[self.style], BRIGHTNESS_FACTOR)

    def _constants(self) -> dict[str, object]:
        if self.style == "classical":
            return asdict(self._classical)
        return {"threshold": SOLARIZE_THRESHOLDS[self.style], "brightness": BRIGHTNESS_FACTOR}


def smart_night(pixels: np.ndarray, threshold: float, factor: float) -> np.ndarray:
    """Solarize, then adjust the brightness: the paper's smart augmentation for night (its section on it)."""
    return adjust_brightness(solarize(pixels, threshold), factor)


def solarize(pixels: np.ndarray, threshold: float) -> np.ndarray:
    """Invert the levels from `threshold` (0-255) on; uint8 of any shape, as in Pillow and torchvision."""
    levels = np.arange(256, dtype=np.uint8)
    return np.where(levels < threshold, levels, 255 - levels)[pixels]


def adjust_brightness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the levels by `factor` (at least 0), clipped at 255; uint8 of any shape.

    Single precision, fractions dropped, as in Pillow and torchvision.
    """
    levels = np.arange(256, dtype=np.float32) * np.float32(factor)
    return np.minimum(levels, 255).astype(np.uint8)[pixels]
