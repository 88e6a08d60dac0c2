"""The walls of a building as images: street fronts with windows, ground floor and signs; plainer sides."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from pipeline.city.appearance.groundfloor import draw_ground_floor
from pipeline.city.appearance.landmarks import draw_church, draw_mural
from pipeline.city.appearance.materials import coloured, crop
from pipeline.city.appearance.windows import Colour, Opening, WindowStyle, draw_window, light_window
from pipeline.city.layout.lots import WALL_COLOURS, Building

SCALE = 24  # pixels a metre
CHANGED_SHARE = 0.13  # shares of fronts repainted, and of shops renamed, between two visits


@dataclass
class Wall:
    """`albedo` and `glow` (h, w, 3) uint8, root encoded; `alpha` (h, w) or None: where there is wall."""

    albedo: np.ndarray
    glow: np.ndarray
    alpha: np.ndarray | None = None
    openings: list[Opening] = field(default_factory=list)


def gable_height(building: Building) -> float:
    """Metres that the gable of a building rises above its walls; 0 without one."""
    if building.kind == "church":
        return building.width * 0.45
    return min(building.width * 0.32, 4.0) if building.roof == "gable" else 0.0


def draw_wall(seed: int, building: Building, face: int, visit: int, lit_share: float) -> Wall:
    """Draw one wall; `face` counts the footprint's edges from the street front (0).

    `lit_share` of the windows is lit; above 0 shop fronts and signs are lit too.
    """
    start, end = building.corners[face], building.corners[(face + 1) % 4]
    width = max(round(float(np.hypot(*(end - start))) * SCALE), 8)
    street = face == 0 or (face == 3 and building.corner)
    gable = round(gable_height(building) * SCALE) if face == 0 else 0
    height = round(building.height * SCALE) + gable
    colour = paint_of(seed, building, visit) if street else _plain(building)
    albedo = coloured(building.wall, (height, width), colour, building.key * 5 + face)
    stain = crop("stain", height, width, building.key * 11 + face)
    albedo = cv2.multiply(albedo, cv2.merge([stain] * 3), scale=1 / 128)
    wall = Wall(albedo, np.zeros_like(albedo))
    if building.kind == "church" and face == 0:
        draw_church(wall.albedo, wall.glow, lit_share, SCALE)
    else:
        _storeys(wall, seed, building, face, gable)
        if street:
            ground = round(building.ground_height * SCALE)
            key = [seed, 405, building.key, face, _changed(seed, building, visit, 2)]
            draw_ground_floor(albedo[-ground:], wall.glow[-ground:], building, key, lit_share > 0)
            if building.kind == "mural" and face == 0:
                draw_mural(albedo[gable:-ground], [seed, building.key, 7])
    style, _ = style_of(seed, building)
    for opening in wall.openings:
        if opening.chance < lit_share:
            light_window(wall.glow, opening, style)
    if gable:
        wall.alpha = np.zeros((height, width), np.uint8)
        outline = np.array([[0, gable], [width // 2, 0], [width, gable], [width, height], [0, height]])
        cv2.fillPoly(wall.alpha, [outline], 255)
        cv2.polylines(wall.albedo, [outline[:3]], False, (225, 220, 208), 9)
    return wall


def _storeys(wall: Wall, seed: int, building: Building, face: int, gable: int) -> None:
    """Rows of windows above the ground floor, bands between storeys, pilasters and the cornice."""
    style, (pitch, share_w, share_h) = style_of(seed, building)
    height, width = wall.albedo.shape[:2]
    street = face == 0 or (face == 3 and building.corner)
    ground = round(building.ground_height * SCALE)
    storey = round(building.storey_height * SCALE)
    columns = max(int((width - 10) / (pitch * SCALE)), 1)
    if not street:
        columns = max(columns // 2, 1)
    step = width / columns
    w, h = int(min(step * share_w, pitch * SCALE * 1.2)), int(storey * share_h)
    rng = np.random.default_rng([seed, 402, building.key, face])
    _trim(wall.albedo, rng, building, gable, storey)
    if building.kind == "mural" and face == 0:
        return
    skip = -1 if street else int(rng.integers(0, 2))
    for level in range(building.storeys - 1):
        y = height - ground - (level + 1) * storey + int(storey * (0.9 - share_h) * 0.75) + 2
        for column in range(columns):
            chance, look = float(rng.random()), int(rng.integers(1 << 30))
            x = round(column * step + (step - w) / 2)
            outside = x < 1 or x + w > width - 1 or y < gable + 4
            if outside or (not street and rng.random() < 0.35 + 0.4 * skip):
                continue
            opening = Opening(x, y, w, h, chance, look)
            draw_window(wall.albedo, opening, style)
            wall.openings.append(opening)
    if gable > 50:
        size = min(w, 26)
        opening = Opening(width // 2 - size // 2, gable - size - 6, size, size, float(rng.random()), 3)
        draw_window(wall.albedo, opening, style)
        wall.openings.append(opening)


def _trim(image: np.ndarray, rng: np.random.Generator, building: Building, gable: int, storey: int) -> None:
    """Bands at the storeys, pilasters or quoins, a dark line under the eaves and dirt near the ground."""
    height, width = image.shape[:2]
    tone = image[height // 2].mean(0)
    pale = np.minimum(tone * 1.2 + 8, 238).astype(int)
    light: Colour = (int(pale[0]), int(pale[1]), int(pale[2]))
    ground = round(building.ground_height * SCALE)
    if building.wall in ("brick", "plaster", "stone") and rng.random() < 0.6:
        for level in range(building.storeys):
            y = height - ground - level * storey
            if y > gable:
                cv2.rectangle(image, (0, y - 3), (width, y + 2), light, -1)
                cv2.line(image, (0, y + 3), (width, y + 3), tuple((tone * 0.6).tolist()), 1)
    if rng.random() < 0.35:
        part = int(rng.integers(8, 18))
        for left in (0, width - part):
            cv2.rectangle(image, (left, gable), (left + part, height), light, -1)
            for y in range(gable, height, 14):
                cv2.line(image, (left, y), (left + part, y), tuple((tone * 0.8).tolist()), 1)
    eaves = image[gable : gable + 20].astype(np.float32)
    eaves *= np.linspace(0.66, 1.0, eaves.shape[0], dtype=np.float32)[:, None, None]
    image[gable : gable + 20] = eaves.astype(np.uint8)
    foot = image[-16:].astype(np.float32) * np.linspace(1.0, 0.72, 16, dtype=np.float32)[:, None, None]
    image[-16:] = foot.astype(np.uint8)


def style_of(seed: int, building: Building) -> tuple[WindowStyle, tuple[float, float, float]]:
    """Window style, and (pitch in metres, window share of the pitch, window share of the storey)."""
    rng = np.random.default_rng([seed, 401, building.key])
    if building.wall == "glass":
        return WindowStyle(2, 2, (60, 66, 72), (96, 104, 110), False, None, False), (2.2, 0.94, 0.86)
    frame: Colour = [(232, 230, 224), (60, 48, 42), (236, 236, 232), (54, 74, 66), (120, 60, 50)][
        int(rng.integers(5))
    ]
    base = np.array(building.colour)
    surround = np.clip(base * rng.choice([0.62, 1.28, 1.4]) + 6, 20, 240).astype(int)
    shutters: Colour | None = None
    if rng.random() < 0.22 and building.wall in ("plaster", "wood", "stone"):
        shutters = [(70, 96, 80), (88, 110, 140), (120, 72, 60), (96, 92, 88)][int(rng.integers(4))]
    forms = ((1, 2), (2, 1), (2, 2), (2, 3), (3, 2), (1, 1), (3, 4))
    across, down = forms[int(rng.integers(len(forms)))]
    arched = building.wall in ("brick", "stone", "plaster") and rng.random() < 0.2
    style = WindowStyle(
        across, down, frame, (int(surround[0]), int(surround[1]), int(surround[2])), arched, shutters,
        bool(rng.random() < 0.75),
    )  # fmt: skip
    pitch = float(rng.uniform(1.9, 3.6))
    share_w = float(rng.uniform(0.38, 0.72)) * (0.7 if shutters else 1.0)
    if building.wall == "panel":
        share_w = float(rng.choice([0.55, 0.96]))
    return style, (pitch, share_w, float(rng.uniform(0.46, 0.7)) * (0.86 if arched else 1.0))


def _changed(seed: int, building: Building, visit: int, what: int) -> int:
    """The visit that last changed a front: `visit` for the changed share of buildings, else 0."""
    draw = np.random.default_rng([seed, 403, building.key, visit, what]).random()
    return visit if visit and draw < CHANGED_SHARE else 0


def paint_of(seed: int, building: Building, visit: int) -> Colour:
    """Colour of the street front on one visit."""
    when = _changed(seed, building, visit, 1)
    if not when or building.wall not in ("plaster", "wood", "panel"):
        return building.colour
    rng = np.random.default_rng([seed, 404, building.key, when])
    colours = WALL_COLOURS[building.wall]
    return colours[int(rng.integers(len(colours)))]


def _plain(building: Building) -> Colour:
    """Sides and backs: bare brick or dull render of about the building's tone."""
    tone = np.array(building.colour) * 0.5 + np.array((150, 140, 128)) * 0.42
    return (int(tone[0]), int(tone[1]), int(tone[2]))
