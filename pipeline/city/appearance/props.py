"""Coverings that many surfaces share: roofs, awnings, rails, signs, fences, and standing cut-outs."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from pipeline.city.appearance.car_textures import draw_car
from pipeline.city.appearance.groundfloor import BOARDS, WORDS
from pipeline.city.appearance.landmarks import draw_mural
from pipeline.city.appearance.materials import coloured
from pipeline.city.appearance.trees import draw_tree
from pipeline.city.geometry.buildings import ROOF_COLOURS
from pipeline.city.geometry.mesh import Skin

Picture = tuple[np.ndarray, np.ndarray | None]  # albedo with 3 or 4 channels, and glow


def draw_thing(skin: Skin, seed: int) -> Picture:
    """Albedo (h, w, 3 or 4) uint8 and glow (h, w, 3) or None of a covering."""
    name, *rest = skin
    if name == "car":
        return draw_car(str(rest[0]), int(rest[1]), int(rest[2]), bool(rest[3]))
    if name == "tree":
        return draw_tree(int(rest[0]), int(rest[1]), int(rest[2])), None
    if name == "roof":
        return _textured(str(rest[0]), ROOF_COLOURS[int(rest[1])], 128, 256), None
    if name == "wallpaint":
        return _textured(str(rest[0]), _rgb(rest[1:]), 64, 32), None
    if name in ("paint", "cornice"):
        return _paint(_rgb(rest), name == "cornice"), None
    if name in ("peak", "spire"):
        return _peak(_rgb(rest)), None
    numbers = [int(value) for value in rest]
    rng = np.random.default_rng([seed, 901, sum(str(name).encode()), *numbers])
    return _DRAWERS[str(name)](numbers, rng)


def _rgb(values: list[str | int]) -> tuple[int, int, int]:
    return (int(values[0]), int(values[1]), int(values[2]))


def _textured(material: str, colour: tuple[int, int, int], height: int, width: int) -> np.ndarray:
    return coloured(material, (height, width), colour, colour[0])


def _paint(colour: tuple[int, int, int], cornice: bool) -> np.ndarray:
    image = _textured("plaster", colour, 24, 192)
    if cornice:
        image[9:12] = (image[9:12] * 0.7).astype(np.uint8)
        image[12:24, ::8] = (image[12:24, ::8] * 0.6).astype(np.uint8)
        image[12:24, 1::8] = (image[12:24, 1::8] * 0.75).astype(np.uint8)
        image[-3:] = (image[-3:] * 0.6).astype(np.uint8)
    return image


def _peak(colour: tuple[int, int, int]) -> np.ndarray:
    alpha = np.zeros((96, 192), np.uint8)
    cv2.fillPoly(alpha, [np.array([[0, 96], [96, 0], [191, 96]])], 255)
    return np.dstack([_textured("plaster", colour, 96, 192), alpha])


def _belfry(numbers: list[int], _rng: np.random.Generator) -> Picture:
    image = _textured("stone", (numbers[0], numbers[1], numbers[2]), 320, 86)
    for top in (24, 120):
        cv2.ellipse(image, (43, top + 16), (15, 15), 0, 180, 360, (44, 42, 44), -1)
        cv2.rectangle(image, (28, top + 16), (58, top + 54), (44, 42, 44), -1)
        for y in range(top + 8, top + 54, 7):
            cv2.line(image, (28, y), (58, y), (84, 78, 70), 2)
    cv2.circle(image, (43, 96), 12, (226, 222, 208), -1)
    cv2.line(image, (43, 96), (43, 88), (30, 30, 30), 2)
    cv2.line(image, (43, 96), (49, 98), (30, 30, 30), 2)
    image[:5] = (212, 206, 192)
    image[80:84] = (206, 200, 186)
    return image, None


def _mansard(numbers: list[int], rng: np.random.Generator) -> Picture:
    dormers, colour, _ = numbers
    width = dormers * 67
    image = _textured("slate", ROOF_COLOURS[2 + colour % 3], 66, width)
    glow = np.zeros_like(image)
    for dormer in range(dormers):
        x = dormer * 67 + 20
        cv2.rectangle(image, (x - 4, 10), (x + 30, 60), (206, 202, 192), -1)
        cv2.fillPoly(image, [np.array([[x - 7, 12], [x + 13, 2], [x + 33, 12]])], (96, 98, 104))
        cv2.rectangle(image, (x, 15), (x + 26, 58), (62, 72, 84), -1)
        cv2.line(image, (x + 13, 15), (x + 13, 58), (226, 224, 218), 2)
        if rng.random() < 0.3:
            tone = np.array((255, 190, 110)) * rng.uniform(0.5, 1)
            cv2.rectangle(glow, (x, 15), (x + 26, 58), tone.tolist(), -1)
            cv2.line(glow, (x + 13, 15), (x + 13, 58), (6, 5, 4), 2)
    image[-4:] = (186, 182, 174)
    return image, glow


def _rail(numbers: list[int], _rng: np.random.Generator) -> Picture:
    kind, length = numbers
    width = max(length, 1) * 40
    image = np.zeros((38, width, 4), np.uint8)
    if kind == 2:  # glass or solid panels
        image[:] = (164, 176, 182, 255)
        image[:, ::40] = (90, 92, 94, 255)
    else:
        tone = (46, 46, 50, 255) if kind == 0 else (208, 204, 196, 255)
        for x in range(0, width, 5):
            image[:, x : x + 2] = tone
        image[:3] = image[-3:] = tone
    return image, None


def _awning(numbers: list[int], _rng: np.random.Generator) -> Picture:
    kind, length = numbers
    width = max(length, 2) * 20
    image = np.empty((32, width, 3), np.uint8)
    image[:] = BOARDS[kind]
    if kind % 2 == 0:
        for x in range(0, width, 20):
            image[:, x : x + 10] = (224, 218, 204)
    image[-4:] = (image[-4:] * 0.75).astype(np.uint8)
    return image, None


def _sign(_numbers: list[int], rng: np.random.Generator) -> Picture:
    image = np.empty((56, 44, 3), np.uint8)
    board = BOARDS[int(rng.integers(len(BOARDS)))]
    image[:] = board
    ink = (44, 36, 32) if sum(board) > 420 else (240, 234, 216)
    word = WORDS[int(rng.integers(len(WORDS)))]
    cv2.putText(image, word[0], (9, 40), cv2.FONT_HERSHEY_DUPLEX, 1.2, ink, 3, cv2.LINE_AA)
    cv2.rectangle(image, (1, 1), (42, 54), ink, 1)
    glow = (image * 0.9).astype(np.uint8) if rng.random() < 0.6 else None
    return image, glow


def _poster(numbers: list[int], rng: np.random.Generator) -> Picture:
    image = np.full((110, 260, 3), 150, np.uint8)
    draw_mural(image, [numbers[0], 902])
    word = WORDS[int(rng.integers(len(WORDS)))]
    (tw, th), _ = cv2.getTextSize(word, cv2.FONT_HERSHEY_TRIPLEX, 1.0, 3)
    size = min(220 / tw, 50 / th)
    spot = (int(130 - tw * size / 2), int(rng.integers(50, 95)))
    cv2.putText(image, word, spot, cv2.FONT_HERSHEY_TRIPLEX, size, (246, 242, 230), 4, cv2.LINE_AA)
    return image, (image * 0.8).astype(np.uint8)


def _fence(numbers: list[int], _rng: np.random.Generator) -> Picture:
    kind, length = numbers
    width = max(length, 2) * 30
    image = np.zeros((40, width, 4), np.uint8)
    tone = ((40, 48, 42), (120, 96, 72), (60, 60, 62))[kind]
    gap = 6 if kind != 1 else 8
    for x in range(0, width, gap):
        image[2:, x : x + (2 if kind != 1 else 6)] = (*tone, 255)
    image[4:7] = image[-8:-5] = (*tone, 255)
    return image, None


def _hedge(numbers: list[int], rng: np.random.Generator) -> Picture:
    width = max(numbers[1], 2) * 24
    base = rng.uniform(0.6, 1.1, (16, width // 3, 1)) * np.array([72, 100, 56])
    image = cv2.resize(base.clip(0, 255).astype(np.uint8), (width, 48), interpolation=cv2.INTER_CUBIC)
    alpha = np.full((48, width), 255, np.uint8)
    edge = 4 + np.abs(np.convolve(rng.normal(0, 3, width), np.ones(5) / 5, "same"))
    alpha[np.arange(48)[:, None] < edge[None]] = 0
    return np.dstack([image, alpha]), None


def _pole(_numbers: list[int], _rng: np.random.Generator) -> Picture:
    image = np.empty((128, 8, 3), np.uint8)
    image[:] = np.array([40, 56, 78, 92, 84, 66, 48, 38])[None, :, None]
    return image, None


def _arm(_numbers: list[int], _rng: np.random.Generator) -> Picture:
    """The lamp's arm and head, 2 m x 1 m, the pole at the left."""
    image = np.zeros((48, 96, 4), np.uint8)
    cv2.ellipse(image, (48, 44), (46, 30), 0, 180, 275, (66, 70, 72, 255), 4)
    cv2.rectangle(image, (50, 10), (92, 18), (84, 88, 90, 255), -1)
    cv2.rectangle(image, (56, 18), (90, 22), (226, 222, 206, 255), -1)
    glow = np.zeros((48, 96, 3), np.uint8)
    cv2.rectangle(glow, (56, 17), (90, 23), (255, 238, 200), -1)
    return image, glow


def _post(numbers: list[int], _rng: np.random.Generator) -> Picture:
    """Street furniture 1 m wide and 3 m high: signs, meters, bins, a letter box, a bollard."""
    image = np.zeros((192, 64, 4), np.uint8)
    for left, top, right, bottom, colour in _POST_BOXES[numbers[0]]:
        cv2.rectangle(image, (left, top), (right, bottom), (*colour, 255), -1)
    if numbers[0] == 0:
        cv2.circle(image, (32, 32), 20, (196, 40, 40, 255), -1)
        cv2.rectangle(image, (20, 28), (44, 36), (236, 236, 232, 255), -1)
    elif numbers[0] == 1:
        cv2.putText(image, "P", (20, 44), cv2.FONT_HERSHEY_DUPLEX, 1.0, (238, 238, 236, 255), 3)
    elif numbers[0] == 2:
        cv2.fillPoly(image, [np.array([[32, 10], [54, 48], [10, 48]])], (206, 44, 40, 255))
        cv2.fillPoly(image, [np.array([[32, 20], [46, 44], [18, 44]])], (236, 234, 226, 255))
    return image, None


_PIPE = (30, 30, 33, 191, (120, 122, 124))
# Parts of a post by its kind, lowest first: left, top, right, bottom (pixels) and colour.
_POST_BOXES = (
    (_PIPE,),
    (_PIPE, (14, 14, 50, 50, (40, 84, 160))),
    (_PIPE,),
    ((18, 132, 46, 191, (64, 92, 72)), (16, 126, 48, 134, (48, 70, 56))),
    ((17, 112, 47, 180, (176, 42, 40)), (22, 122, 42, 127, (30, 20, 20)), (28, 180, 36, 191, (70, 30, 30))),
    ((27, 130, 37, 191, (74, 76, 78)), (27, 138, 37, 144, (226, 222, 210))),
)

_DRAWERS: dict[str, Callable[[list[int], np.random.Generator], Picture]] = {
    "belfry": _belfry, "mansard": _mansard, "rail": _rail, "awning": _awning, "sign": _sign, "pole": _pole,
    "poster": _poster, "fence": _fence, "hedge": _hedge, "arm": _arm, "post": _post,
}  # fmt: skip
