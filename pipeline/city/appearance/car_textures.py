"""What the sides of a car look like."""

from __future__ import annotations

import cv2
import numpy as np

CAR_COLOURS = (
    (196, 198, 200), (60, 62, 66), (222, 222, 220), (38, 38, 40), (140, 30, 32), (40, 66, 120),
    (128, 132, 136), (90, 98, 84), (178, 160, 120), (70, 92, 110), (24, 44, 66), (190, 120, 40),
)  # fmt: skip
_DARK = (34, 36, 40)


def draw_car(part: str, kind: int, colour: int, lit: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Albedo (3 or 4 channels) and glow or None of one part of a car."""
    paint = CAR_COLOURS[colour]
    if part in ("nose", "tail"):
        return _end(paint, part == "nose", lit)
    if part.endswith(("left", "right")):
        image = _windows(paint, kind) if part.startswith("window") else _side(paint, kind)
        return (image[:, ::-1].copy() if part.endswith("left") else image), None
    if part == "glass":
        image = np.empty((32, 96, 3), np.uint8)
        image[:] = np.linspace(110, 52, 32)[:, None, None].astype(np.uint8)
        cv2.rectangle(image, (0, 0), (95, 31), tuple(int(v * 0.8) for v in paint), 3)
        return image, None
    image = np.empty((32, 64, 3), np.uint8)
    image[:] = paint
    cv2.rectangle(image, (0, 0), (63, 31), tuple(int(v * 0.72) for v in paint), 2)
    return image, None


def _side(paint: tuple[int, int, int], kind: int) -> np.ndarray:
    """The right side of the body, the nose at the right, cut out around the wheels."""
    image = np.zeros((64, 256, 4), np.uint8)
    ramp = np.linspace(1.08, 0.62, 48)[:, None]
    image[:48, :, :3] = np.clip(ramp[:, :, None] * np.array(paint), 0, 255).astype(np.uint8)
    image[:48, :, 3] = 255
    image[40:50, :, :3] = (40, 40, 42)
    image[40:50, 6:250, 3] = 255
    image[:, :3, 3] = image[:, 253:, 3] = 0
    for x in (86, 150) if kind != 3 else (110, 190):
        cv2.line(image, (x, 2), (x, 40), (*(int(v * 0.6) for v in paint), 255), 1)
        cv2.line(image, (x + 6, 12), (x + 14, 12), (*(int(v * 0.5) for v in paint), 255), 2)
    cv2.line(image, (4, 20), (252, 20), (*(int(v * 0.8) for v in paint), 255), 1)
    cv2.rectangle(image, (246, 8), (252, 16), (210, 210, 204, 255), -1)
    cv2.rectangle(image, (3, 6), (9, 16), (150, 28, 26, 255), -1)
    wheel = ((23, (20, 20, 22)), (19, (30, 30, 32)), (11, (142, 144, 148)), (4, (70, 72, 74)))
    for x in (48, 206):
        for radius, colour in wheel:
            cv2.circle(image, (x, 44), radius, (*colour, 255), -1)
    return image


def _windows(paint: tuple[int, int, int], kind: int) -> np.ndarray:
    """The right side windows under the roof, cut out along the sloping pillars, the nose at the right."""
    image = np.zeros((32, 128, 4), np.uint8)
    front, rear = ((26, 8), (22, 26), (14, 6), (22, 2))[kind]
    outline = np.array([[0, 31], [rear, 0], [127 - front, 0], [127, 31]])
    cv2.fillPoly(image, [outline], (*(int(v * 0.9) for v in paint), 255))
    if kind == 3:
        outline = np.array([[84, 29], [86, 4], [124 - front, 4], [122, 29]])
        cv2.fillPoly(image, [outline], (*_DARK, 255))
        return image
    inner = np.array([[5, 29], [rear + 3, 4], [124 - front, 4], [121, 29]])
    cv2.fillPoly(image, [inner], (58, 64, 72, 255))
    image[4:9][image[4:9, :, 0] == 58] = (92, 100, 108, 255)
    for x in (44, 82):
        cv2.line(image, (x, 0), (x, 31), (*(int(v * 0.6) for v in paint), 255), 3)
    return image


def _end(paint: tuple[int, int, int], nose: bool, lit: bool) -> tuple[np.ndarray, np.ndarray | None]:
    image = np.empty((40, 96, 3), np.uint8)
    image[:] = np.clip(np.linspace(1.0, 0.6, 40)[:, None, None] * np.array(paint), 0, 255).astype(np.uint8)
    glow = np.zeros_like(image)
    cv2.rectangle(image, (2, 28), (93, 36), (44, 44, 46), -1)
    lamp = (214, 214, 206) if nose else (160, 28, 26)
    light = (255, 250, 236) if nose else (235, 30, 22)
    for x in (4, 74):
        cv2.rectangle(image, (x, 8), (x + 17, 18), lamp, -1)
        if lit:
            cv2.rectangle(glow, (x, 8), (x + 17, 18), light, -1)
    cv2.rectangle(image, (36, 24), (60, 32), (226, 224, 214), -1)
    if nose:
        cv2.rectangle(image, (28, 8), (68, 18), (36, 36, 38), -1)
    return image, glow if lit else None
