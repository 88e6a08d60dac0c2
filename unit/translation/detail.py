"""The detail of an image in its translation: what the network changed is laid, smoothed, over the image.

A network of few channels, or one that sees a small copy, draws a place softer than it is. The light in which
it draws it is smooth, but for edges that the image has itself. So the translation is taken as a factor for
each pixel, the factors are smoothed, and the image is multiplied by them. What is not a factor of what was
there, such as a lamp a few pixels wide, becomes a glow.
"""

from __future__ import annotations

import cv2
import numpy as np

# Standard deviation of the smoothing, in pixels of the network. On test streets of the embedded city 1.5 to 4
# bring nights nearer to the true ones (by 0.3 to 0.5 dB); more makes what is lit dimmer.
SIGMA = 2.5
# Added to levels before they are divided, so that black has no infinite factor.
_FLOOR = 8


def with_detail(translated: np.ndarray, seen: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Return `picture`, (H, W, 3) uint8, in the light of `translated`, both sizes being free.

    translated: (h, w, 3) uint8, what the network made of `seen`; seen: (h, w, 3) uint8.
    """
    factors = np.log((translated.astype(np.float32) + _FLOOR) / (seen.astype(np.float32) + _FLOOR))
    smooth = cv2.GaussianBlur(factors, (0, 0), SIGMA)
    if smooth.shape != picture.shape:
        smooth = cv2.resize(smooth, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    lit = (picture.astype(np.float32) + _FLOOR) * np.exp(smooth) - _FLOOR
    return np.clip(lit + 0.5, 0, 255).astype(np.uint8)
