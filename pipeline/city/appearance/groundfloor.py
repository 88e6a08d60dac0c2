"""Ground floors: shop fronts with name boards, house doors and garages."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.city.layout.lots import Building

WORDS = (
    "BAKERY", "CAFE LUNA", "BOOKS", "PHARMACY", "BARBER", "PIZZA", "HOTEL", "FLOWERS", "OPTIK", "TEA ROOM",
    "MARKET", "BANK", "NOODLES", "BIKES", "RADIO", "TAILOR", "KIOSK", "GALERIE", "SHOES", "DELI", "TOYS",
    "LAUNDRY", "STUDIO 9", "SUSHI", "WINE BAR", "DENTIST", "MUSIC", "PHOTO", "KEYS", "GARDEN", "No 21",
    "ELECTRO", "ANTIQUES", "SALON", "TRAVEL", "BURGER", "CINEMA", "FISH", "CHEESE", "YOGA",
)  # fmt: skip

BOARDS = (
    (150, 40, 40), (36, 70, 120), (34, 92, 62), (40, 40, 44), (206, 160, 50), (224, 220, 208), (110, 50, 100),
    (200, 96, 40), (44, 120, 130), (90, 62, 46),
)  # fmt: skip


def draw_ground_floor(
    albedo: np.ndarray, glow: np.ndarray, building: Building, key: Sequence[int], lit: bool
) -> None:
    """Draw the ground floor into the bottom strip (h, w, 3) of a wall and of its glow."""
    rng = np.random.default_rng(list(key))
    if building.ground == "shop":
        _shop(albedo, glow, rng)
    else:
        _house(albedo, glow, rng, building.ground == "garage")
    if not lit:
        glow[:] = 0


def _shop(albedo: np.ndarray, glow: np.ndarray, rng: np.random.Generator) -> None:
    height, width = albedo.shape[:2]
    board = BOARDS[int(rng.integers(len(BOARDS)))]
    frame = BOARDS[int(rng.integers(len(BOARDS)))] if rng.random() < 0.5 else (52, 48, 46)
    tall = int(height * rng.uniform(0.17, 0.24))
    top = int(height * 0.06)
    cv2.rectangle(albedo, (4, top), (width - 5, height - 1), frame, -1)
    cv2.rectangle(albedo, (4, top), (width - 5, top + tall), board, -1)
    cv2.rectangle(albedo, (4, top), (width - 5, top + tall), tuple(int(v * 0.6) for v in board), 1)
    late = bool(rng.random() < 0.7)
    _lettering(albedo, glow, rng, (8, top + 2, width - 16, tall - 4), sum(board) > 420, late)
    panes = max(round(width / 24 / rng.uniform(1.6, 3.0)), 2)
    door = int(rng.integers(panes))
    y0, step = top + tall + 5, (width - 14) / panes
    tone = np.array(
        [(255, 214, 150), (255, 236, 200), (230, 240, 255), (255, 190, 120)][int(rng.integers(4))]
    )
    for pane in range(panes):
        x0, x1 = round(7 + pane * step) + 2, round(7 + (pane + 1) * step) - 2
        y1 = height - 4 if pane == door else height - int(height * 0.13)
        h, w = y1 - y0, x1 - x0
        if h < 6 or w < 6:
            continue
        ramp = np.linspace(rng.uniform(85, 130), 56, h)[:, None, None] * np.array([0.9, 1.0, 1.06])
        albedo[y0:y1, x0:x1] = np.broadcast_to(ramp, (h, w, 3)).astype(np.uint8)
        glow[y0:y1, x0:x1] = _interior(rng, h, w, tone) if late else 0
        _goods(albedo, glow, rng, (x0, y0, x1, y1), late)
        if pane == door:
            cv2.rectangle(albedo, (x0, y0), (x1, y1), (70, 62, 56), 2)
            cv2.line(albedo, (x1 - 5, y0 + h // 2), (x1 - 5, y0 + h // 2 + 8), (190, 180, 150), 2)


def _interior(rng: np.random.Generator, height: int, width: int, tone: np.ndarray) -> np.ndarray:
    """A lit room behind glass (height, width, 3): ceiling lamps, shelves on the back wall, a darker floor."""
    room = np.linspace(0.86, 0.42, height)[:, None, None] * tone * rng.uniform(0.75, 1.0)
    picture = np.broadcast_to(room, (height, width, 3)).astype(np.uint8).copy()
    wall = int(height * 0.62)
    step = max(int(rng.integers(9, 16)), 2)
    for y in range(int(height * 0.2), wall, step):
        cv2.line(picture, (0, y), (width, y), (room[y, 0] * 0.55).tolist(), 1)
        x = int(rng.integers(0, 6))
        while x < width:
            tall, wide = int(rng.integers(3, step)), int(rng.integers(2, 7))
            colour = (room[y, 0] * rng.uniform(0.4, 0.95, 3)).tolist()
            cv2.rectangle(picture, (x, y - tall), (x + wide, y - 1), colour, -1)
            x += wide + int(rng.integers(1, 7))
    for x in range(int(rng.integers(4, 12)), width, int(rng.integers(16, 30))):
        cv2.ellipse(picture, (x, int(height * 0.07)), (4, 2), 0, 0, 360, (255, 250, 236), -1)
    if rng.random() < 0.5:  # a person, or a mannequin, in the light
        x, top = int(rng.uniform(0.15, 0.85) * width), height - int(rng.integers(34, 42))
        shade = (room[-1, 0] * 0.3).tolist()
        cv2.circle(picture, (x, top), 4, shade, -1)
        cv2.ellipse(picture, (x, top + 18), (7, 15), 0, 0, 360, shade, -1)
        cv2.rectangle(picture, (x - 5, top + 20), (x + 5, height), shade, -1)
    return picture


def _goods(
    albedo: np.ndarray, glow: np.ndarray, rng: np.random.Generator, box: tuple[int, int, int, int], late: bool
) -> None:
    """Things on shelves and stands behind a shop window."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    hue = rng.integers(80, 140, 3)
    for shelf in sorted(rng.uniform(0.45, 1.0, int(rng.integers(1, 4))).tolist()):
        floor, x = y0 + int(shelf * h) - 1, x0 + int(rng.integers(1, 6))
        cv2.line(albedo, (x0, floor), (x1 - 1, floor), (60, 54, 48), 1)
        while x < x1 - 4:
            gw, gh = int(rng.integers(3, max(w // 5, 6))), int(rng.uniform(0.05, 0.26) * h) + 2
            colour = np.clip(hue * rng.uniform(0.5, 1.1) + rng.integers(-24, 24, 3), 20, 190)
            right = min(x + gw, x1 - 2)
            if rng.random() < 0.75:
                cv2.rectangle(albedo, (x, floor - gh), (right, floor - 1), (colour * 0.8).tolist(), -1)
                if late:
                    cv2.rectangle(glow, (x, floor - gh), (right, floor - 1), (colour * 0.7).tolist(), -1)
            x += gw + int(rng.integers(0, 5))


def _lettering(
    albedo: np.ndarray, glow: np.ndarray, rng: np.random.Generator, box: tuple[int, int, int, int],
    dark: bool, late: bool,
) -> None:  # fmt: skip
    x, y, w, h = box
    word = WORDS[int(rng.integers(len(WORDS)))]
    font = [cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_SIMPLEX][int(rng.integers(3))]
    (tw, th), _ = cv2.getTextSize(word, font, 1.0, 2)
    size = min(w * 0.9 / tw, h * 0.78 / th)
    left = x + int((w - tw * size) * rng.uniform(0.1, 0.9))
    spot = (left, y + int((h + th * size) / 2))
    ink = (44, 36, 32) if dark else (236, 228, 206)
    cv2.putText(albedo, word, spot, font, size, ink, 2, cv2.LINE_AA)
    if late:
        style = rng.random()
        if style < 0.5:  # a light box: the board itself glows
            board = (albedo[y : y + h, x : x + w].astype(np.float32) * 0.85).astype(np.uint8)
            glow[y : y + h, x : x + w] = board
        else:  # neon letters
            neon = [(255, 90, 80), (255, 230, 190), (120, 200, 255), (255, 120, 220), (140, 255, 170)]
            cv2.putText(glow, word, spot, font, size, neon[int(rng.integers(5))], 2, cv2.LINE_AA)


def _house(albedo: np.ndarray, glow: np.ndarray, rng: np.random.Generator, garage: bool) -> None:
    height, width = albedo.shape[:2]
    tone = albedo[height // 2, width // 2].astype(float)
    if rng.random() < 0.5:  # a base of another stone
        albedo[height // 2 if rng.random() < 0.3 else -14 :] = (tone * 0.72).astype(np.uint8)
    spots = max(int(width / 60), 1)
    door = int(rng.integers(spots))
    frame = BOARDS[int(rng.integers(len(BOARDS)))]
    for spot in range(spots):
        middle = int((spot + 0.5) * width / spots)
        if spot == door:
            _door(albedo, glow, rng, middle, frame)
        elif garage:
            half, top = min(30, width // spots // 2 - 5), height - 54
            shade = int(rng.integers(120, 200))
            left, right = middle - half, middle + half
            cv2.rectangle(albedo, (left, top), (right, height), (shade, shade, shade - 6), -1)
            for y in range(top, height, 9):
                cv2.line(albedo, (left, y), (right, y), (shade - 40,) * 3, 1)
        else:
            half, y0, y1 = int(rng.integers(12, 20)), int(height * 0.28), height - 26
            left, right = middle - half, middle + half
            cv2.rectangle(albedo, (left - 3, y0 - 3), (right + 3, y1 + 3), (196, 190, 178), -1)
            cv2.rectangle(albedo, (left, y0), (right, y1), (66, 76, 86), -1)
            cv2.line(albedo, (middle, y0), (middle, y1), (220, 216, 206), 2)
            if rng.random() < 0.3:
                cv2.rectangle(glow, (left + 1, y0 + 1), (right - 1, y1), (240, 180, 104), -1)
                cv2.line(glow, (middle, y0), (middle, y1), (10, 8, 6), 2)


def _door(
    albedo: np.ndarray, glow: np.ndarray, rng: np.random.Generator, middle: int, paint: tuple[int, int, int]
) -> None:
    """A panelled house door in a pale frame, with a small light above."""
    height = albedo.shape[0]
    half, top = int(rng.integers(13, 18)), height - int(rng.integers(54, 64))
    left, right = middle - half, middle + half
    cv2.rectangle(albedo, (left - 4, top - 5), (right + 4, height), (206, 200, 188), -1)
    cv2.rectangle(albedo, (left, top), (right, height), paint, -1)
    dark = tuple(int(v * 0.7) for v in paint)
    for down in (14, 34):
        cv2.rectangle(albedo, (left + 4, top + down), (right - 4, top + down + 14), dark, 1)
    cv2.rectangle(albedo, (left + 2, top + 2), (right - 2, top + 9), (70, 80, 90), -1)
    if rng.random() < 0.6:
        cv2.rectangle(glow, (left + 2, top + 2), (right - 2, top + 9), (255, 200, 120), -1)
