"""The time of day by an image's own light, for sets whose queries nobody has labelled.

Four numbers of a small copy decide: how bright it is, how bright its upper third is (the sky, where one is
seen), how much of it is nearly black, and how warm its light is. A multinomial logistic regression weighs
them, fitted to the 315 queries of the embedded city of seed 2022, whose times are known. It finds light, not
the hour: a dark alley at noon looks like dusk, and a lit square by night may too. What it is unsure of is for
a human eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.datasets.image_set.image_set import TIMES_OF_DAY

# Width and height of the copy: smaller than any lamp matters, larger than noise does.
_SMALL = (64, 48)
_LUMA = np.array([0.299, 0.587, 0.114])
# Luma below which a pixel is nearly black.
_DARK = 40
# Rows: mean luma, the sky's luma (80 % of the upper third are darker), both 0 to 1; share of nearly black
# pixels; logarithm of red over blue. Columns: day, sunset, night.
_WEIGHTS = np.array([[20.5, -13.95, -6.54], [-1.58, 5.98, -4.4], [-6.04, -3.65, 9.69], [-14.71, 2.02, 12.69]])
_BIASES = np.array([-2.05, 3.3, -1.25])


@dataclass(frozen=True, slots=True)
class Guess:
    """A time of day, and how sure it is: by how much it is likelier than the next one, 0 to 1."""

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
    # A level is added, so that black has a colour too.
    warmth = np.log((small[..., 0].mean() + 1) / (small[..., 2].mean() + 1))
    return np.array([luma.mean() / 255, sky / 255, (luma < _DARK).mean(), warmth])
