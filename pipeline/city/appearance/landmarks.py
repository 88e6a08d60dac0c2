"""Landmark walls: church fronts and painted walls."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.city.appearance.windows import Colour


def draw_church(albedo: np.ndarray, glow: np.ndarray, lit_share: float, scale: int) -> None:
    """A portal, tall pointed windows and a rose window on a plain wall."""
    height, width = albedo.shape[:2]
    middle = width // 2
    pale, dark = (218, 210, 192), (52, 56, 70)
    targets = [(albedo, dark, pale)]
    if lit_share > 0:
        targets.append((glow, (220, 150, 80), (0, 0, 0)))
    for image, inner, outer in targets:
        for shift in (-0.3, 0.3):
            top = (middle + int(width * shift), int(height * 0.52))
            _pointed(image, top, (int(0.6 * scale), int(4.2 * scale)), inner, outer)
        rose = np.array([middle, int(height * 0.42)])
        cv2.circle(image, rose.tolist(), int(1.7 * scale), outer, -1)
        cv2.circle(image, rose.tolist(), int(1.4 * scale), inner, -1)
        for angle in np.arange(0, np.pi, np.pi / 6):
            step = (np.array([np.cos(angle), np.sin(angle)]) * 1.4 * scale).astype(int)
            cv2.line(image, (rose - step).tolist(), (rose + step).tolist(), outer, 2)
    tall = int(3.4 * scale)
    _pointed(albedo, (middle, height - tall), (int(1.3 * scale), tall), (84, 56, 40), pale)
    cv2.line(albedo, (middle, height - int(4.4 * scale)), (middle, height), (40, 28, 22), 2)


def _pointed(
    image: np.ndarray, top: tuple[int, int], size: tuple[int, int], inner: Colour, outer: Colour
) -> None:
    """A pointed opening of half width and height `size`, below the middle `top` of its arch, in a frame."""
    (x, y), (half, tall) = top, size
    for grow, colour in ((5, outer), (0, inner)):
        left, right, tip, low = x - half - grow, x + half + grow, y - int(1.5 * (half + grow)), y + tall
        cv2.fillPoly(image, [np.array([(left, low), (left, y), (x, tip), (right, y), (right, low)])], colour)


def _from_hue(hue: int, saturation: int, value: int) -> np.ndarray:
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return np.asarray(cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0])


def draw_mural(image: np.ndarray, key: Sequence[int]) -> None:
    """A painted wall: big overlapping shapes in strong colours on a ground, with a border."""
    rng = np.random.default_rng(list(key))
    height, width = image.shape[:2]
    hues = rng.permutation(180)[:5]
    colours = [_from_hue(int(hue), int(rng.integers(70, 150)), int(rng.integers(110, 210))) for hue in hues]
    paint = np.empty_like(image)
    ramp = np.linspace(0, 1, height)[:, None, None]
    paint[:] = (colours[0] * (1 - ramp) + colours[1] * ramp).astype(np.uint8)
    for index in range(int(rng.integers(6, 12))):
        colour = colours[2 + index % 3].tolist()
        centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
        size = int(rng.uniform(0.1, 0.35) * width)
        form = rng.integers(4)
        if form == 0:
            cv2.circle(paint, centre, size, colour, -1)
        elif form == 1:
            cv2.ellipse(paint, centre, (size, size // 3), float(rng.uniform(0, 180)), 0, 360, colour, -1)
        elif form == 2:
            cv2.fillPoly(paint, [np.array(centre) + rng.integers(-size, size + 1, (3, 2))], colour)
        else:
            cv2.circle(paint, centre, size, colour, max(size // 5, 2))
    grain = image.astype(np.float32).mean(2, keepdims=True)
    grain /= max(float(grain.mean()), 1.0)
    image[:] = np.clip(paint * grain, 0, 255).astype(np.uint8)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), (228, 222, 210), 4)
