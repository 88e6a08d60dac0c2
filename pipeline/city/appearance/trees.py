"""Trees as cut-outs: a trunk, and a crown of leaf clusters that changes with the visit."""

from __future__ import annotations

import cv2
import numpy as np

_LEAVES = (
    ((74, 112, 50), (98, 128, 62)),
    ((58, 94, 52), (80, 110, 60)),
    ((102, 122, 58), (124, 134, 70)),
    ((66, 104, 70), (92, 120, 80)),
)
_AUTUMN = (
    ((150, 112, 48), (168, 136, 64)),
    ((96, 104, 50), (120, 118, 60)),
    ((164, 96, 44), (150, 84, 40)),
    ((86, 108, 60), (120, 124, 70)),
)
SIZE = 256


def draw_tree(species: int, variant: int, phase: int) -> np.ndarray:
    """(256, 256, 4) uint8: a square cut-out of the whole tree; `phase` 0 is summer, 1 a later season."""
    rng = np.random.default_rng([903, species, variant, phase])
    image = np.zeros((SIZE, SIZE, 4), np.uint8)
    bark = (84, 70, 58, 255)
    crown_y, crown_w, crown_h = ((92, 96, 78), (80, 66, 74), (100, 108, 66), (88, 52, 84))[species]
    cv2.fillPoly(image, [np.array([[121, 255], [125, crown_y], [131, crown_y], [136, 255]])], bark)
    for _ in range(9):
        tip = (int(128 + rng.uniform(-0.8, 0.8) * crown_w), int(crown_y + rng.uniform(-0.8, 0.5) * crown_h))
        cv2.line(image, (128, int(rng.uniform(crown_y + 20, 200))), tip, bark, 3)
    dark, bright = np.array((_AUTUMN if phase else _LEAVES)[species])
    count = 170 if not phase else 130
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 1, count))
    xs, ys = 128 + np.cos(angle) * radius * crown_w, crown_y + np.sin(angle) * radius * crown_h
    for index in np.argsort(-ys):
        height = (crown_y + crown_h - ys[index]) / (2 * crown_h)
        side = (xs[index] - 128) / crown_w
        shade = np.clip(0.5 + 0.6 * height - 0.12 * side + rng.uniform(-0.1, 0.1), 0.35, 1.2)
        tone = (dark * (1 - height) + bright * height) * shade
        for _ in range(26):
            spot = (int(xs[index] + rng.normal(0, 8)), int(ys[index] + rng.normal(0, 7)))
            leaf = np.clip(tone * rng.uniform(0.78, 1.22), 0, 255).astype(int).tolist()
            cv2.circle(image, spot, int(rng.integers(1, 4)), (*leaf, 255), -1)
    return image
