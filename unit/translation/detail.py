"""Keep the detail of an image in its translation: apply the smoothed change of the network to the image.

A network with few channels, or with a small input, blurs the image. The change of illumination is smooth,
except at edges of the image itself. So the translation is converted to a factor for each pixel, the factors
are smoothed, and the image is multiplied by them. Small new lights, such as a lamp a few pixels wide, become
a glow.
"""

from __future__ import annotations

import cv2
import numpy as np

# Standard deviation of the smoothing, in pixels of the network. On test streets of the embedded city, 1.5 to
# 4 make nights more similar to the ground truth (by 0.3 to 0.5 dB); more makes lights dimmer.
SIGMA = 2.5
# Added to levels before the division, so that black has no infinite factor.
_FLOOR = 8


def with_detail(translated: np.ndarray, seen: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return `picture`, (H, W, 3) uint8, with the illumination of `translated`; sizes may differ.

    translated: (h, w, 3) uint8, the output of the network for `seen`; seen: (h, w, 3) uint8.
    """
    factors = np.log((translated.astype(np.float32) + _FLOOR) / (seen.astype(np.float32) + _FLOOR))
    smooth = cv2.GaussianBlur(factors, (0, 0), SIGMA)
    if smooth.shape != picture.shape:
        smooth = cv2.resize(smooth, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    lit = (picture.astype(np.float32) + _FLOOR) * np.exp(smooth) - _FLOOR
    return np.clip(lit + 0.5, 0, 255).astype(np.uint8)
