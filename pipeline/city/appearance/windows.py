"""Windows of many forms, drawn into a wall by day and as light by night."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Colour = tuple[int, int, int]

_WARM = ((255, 196, 116), (255, 178, 92), (250, 210, 150), (255, 224, 176))
_COOL = ((196, 220, 255), (222, 236, 245), (150, 176, 255))


@dataclass(frozen=True)
class WindowStyle:
    """How all windows of a facade look; lengths in pixels."""

    panes_across: int
    panes_down: int
    frame: Colour
    surround: Colour
    arched: bool
    shutters: Colour | None
    sill: bool


@dataclass(frozen=True)
class Opening:
    """One window: place in pixels, a number in 0..1 that decides when it is lit, and a seed of its look."""

    x: int
    y: int
    width: int
    height: int
    chance: float
    seed: int


def draw_window(image: np.ndarray, opening: Opening, style: WindowStyle) -> None:
    """Draw a window as it looks by day: surround, reveal, glass, curtains, frame and sill."""
    x, y, w, h = opening.x, opening.y, opening.width, opening.height
    rng = np.random.default_rng(opening.seed)
    if style.shutters is not None:
        _shutters(image, opening, style.shutters)
    border = 2
    if style.arched:
        centre, axes = (x + w // 2, y), (w // 2 + border, w // 2 + border)
        cv2.ellipse(image, centre, axes, 0, 180, 360, style.surround, -1)
        cv2.ellipse(image, centre, (w // 2 - 1, w // 2 - 1), 0, 180, 360, (62, 70, 80), -1)
    cv2.rectangle(
        image, (x - border, y - border), (x + w + border - 1, y + h + border - 1), style.surround, -1
    )
    bottom = rng.integers(48, 100)
    top = bottom + rng.integers(10, 100)
    ramp = np.linspace(top, bottom, h)[:, None, None] * np.array([0.88, 0.98, 1.06])
    glass = image[y : y + h, x : x + w]
    glass[:] = np.clip(ramp[: glass.shape[0]], 0, 255).astype(np.uint8)
    if rng.random() < 0.55:
        _curtains(glass, rng)
    glass[: max(h // 12, 1)] //= 2
    glass[:, : max(w // 14, 1)] //= 2
    _frame(image, opening, style)
    if style.sill:
        cv2.rectangle(image, (x - 3, y + h), (x + w + 2, y + h + 2), style.surround, -1)
        cv2.line(image, (x - 3, y + h + 3), (x + w + 2, y + h + 3), _scaled(style.surround, 0.5), 1)


def light_window(glow: np.ndarray, opening: Opening, style: WindowStyle) -> None:
    """Draw the light of a lit window into `glow`: a warm or cool room, its curtains, and dark frame bars."""
    x, y, w, h = opening.x, opening.y, opening.width, opening.height
    rng = np.random.default_rng([opening.seed, 5])
    tones = _WARM if rng.random() < 0.78 else _COOL
    tone = np.array(tones[int(rng.integers(len(tones)))]) * rng.uniform(0.5, 1.0)
    ramp = np.linspace(1.0, rng.uniform(0.45, 0.85), h)[:, None, None]
    across = 1 - np.abs(np.linspace(-1, 1, w) - rng.uniform(-0.6, 0.6))[None, :, None] * 0.28
    room = ramp * across * tone
    kind = rng.random()
    if kind < 0.35:
        part = max(int(w * rng.uniform(0.15, 0.4)), 1)
        room[:, :part] *= (0.55, 0.5, 0.42)
        room[:, w - part :] *= (0.55, 0.5, 0.42)
    elif kind < 0.55:
        room[: int(h * rng.uniform(0.3, 0.8))] *= (0.6, 0.56, 0.5)
    if kind > 0.4:
        left, wide = int(rng.uniform(0, 0.7) * w), max(int(rng.uniform(0.12, 0.35) * w), 1)
        room[int(h * rng.uniform(0.45, 0.8)) :, left : left + wide] *= 0.5
    place = glow[y : y + h, x : x + w]
    place[:] = np.clip(room[: place.shape[0], : place.shape[1]], 0, 255).astype(np.uint8)
    if style.arched:
        centre = (x + w // 2, y)
        middle = tuple(int(v) for v in room[0, w // 2])
        cv2.ellipse(glow, centre, (w // 2 - 1, w // 2 - 1), 0, 180, 360, middle, -1)
    _frame(glow, opening, style, (6, 5, 4))


def _frame(image: np.ndarray, opening: Opening, style: WindowStyle, colour: Colour | None = None) -> None:
    x, y, w, h = opening.x, opening.y, opening.width, opening.height
    colour = colour or style.frame
    cv2.rectangle(image, (x, y), (x + w - 1, y + h - 1), colour, 1)
    for index in range(1, style.panes_across):
        across = x + w * index // style.panes_across
        top = y - (w // 2 - 2 if style.arched else 0)
        cv2.line(image, (across, top), (across, y + h - 1), colour, 1 if w < 30 else 2)
    for index in range(1, style.panes_down):
        down = y + h * index // style.panes_down
        cv2.line(image, (x, down), (x + w - 1, down), colour, 1 if h < 40 else 2)


def _curtains(glass: np.ndarray, rng: np.random.Generator) -> None:
    h, w = glass.shape[:2]
    cloth = rng.integers(120, 190) * rng.uniform(0.9, 1.0, 3)
    if rng.random() < 0.5:
        part = max(int(w * rng.uniform(0.15, 0.33)), 1)
        glass[:, :part] = cloth
        glass[:, w - part :] = cloth * 0.9
    else:
        glass[: int(h * rng.uniform(0.25, 0.9))] = cloth


def _shutters(image: np.ndarray, opening: Opening, colour: Colour) -> None:
    x, y, w, h = opening.x, opening.y, opening.width, opening.height
    part = max(w // 3, 4)
    for left in (x - part - 2, x + w + 2):
        cv2.rectangle(image, (left, y - 1), (left + part - 1, y + h), colour, -1)
        for down in range(y + 2, y + h, 4):
            cv2.line(image, (left + 1, down), (left + part - 2, down), _scaled(colour, 0.75), 1)


def _scaled(colour: Colour, factor: float) -> Colour:
    return (int(colour[0] * factor), int(colour[1] * factor), int(colour[2] * factor))
