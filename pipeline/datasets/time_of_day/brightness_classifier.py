"""The time of day guessed from brightness, for datasets whose queries have no labels.

It uses four features of a small copy: its brightness, the brightness of its upper third (usually the sky),
the share of nearly black pixels, and the warmth of its light. A multinomial logistic regression weighs them.
It was fitted to the 315 queries of the embedded city of seed 2022, whose times are known. It sees light, not
the hour: a dark alley at noon looks like dusk, and so may a lit square by night. Uncertain guesses should be
checked by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.datasets.image_set.image_set import TIMES_OF_DAY

# Width and height of the copy: too small for single lamps and noise to matter.
_SMALL = (64, 48)
_LUMA = np.array([0.299, 0.587, 0.114])
# Pixels with less luma are nearly black.
_DARK = 40
# Rows: mean luma, the sky's luma (80 % of the upper third are darker), both 0 to 1; share of nearly black
# pixels; logarithm of red over blue. Columns: day, sunset, night.
_WEIGHTS = np.array([[20.5, -13.95, -6.54], [-1.58, 5.98, -4.4], [-6.04, -3.65, 9.69], [-14.71, 2.02, 12.69]])
_BIASES = np.array([-2.05, 3.3, -1.25])


@dataclass(frozen=True, slots=True)
class Guess:
    """A time of day, and its certainty: its probability minus that of the next one, 0 to 1."""

    time_of_day: str
    certainty: float


def time_by_brightness(pixels: np.ndarray) -> Guess:
    """Guess the time of day of an image, (H, W, 3) uint8 RGB."""
    scores = _features(pixels) @ _WEIGHTS + _BIASES
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    best, next_best = np.argsort(-shares)[:2]
    return Guess(TIMES_OF_DAY[best], float(shares[best] - shares[next_best]))


def _features(pixels: np.ndarray) -> np.ndarray:
    small = cv2.resize(pixels, _SMALL, interpolation=cv2.INTER_AREA).astype(np.float64)
    luma = small @ _LUMA
    sky = np.percentile(luma[: _SMALL[1] // 3], 80)
    # 1 is added, so that black is defined too.
    warmth = np.log((small[..., 0].mean() + 1) / (small[..., 2].mean() + 1))
    return np.array([luma.mean() / 255, sky / 255, (luma < _DARK).mean(), warmth])
