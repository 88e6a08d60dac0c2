"""One labelled sheet: a row for each day, a column for each translator, with its metrics above."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.night.comparison.comparison_files import Measured

_CELL, _TALLEST = 252, 336  # pixels: width of a column, height of a row at most
_GAP, _MARGIN = 6, 28
_TITLE, _NAME, _SMALL = 28, 20, 15  # sizes of type
_LINE = 21
_PAPER, _INK, _SOFT, _RULE = (20, 23, 29), (236, 234, 228), (160, 168, 180), (58, 64, 76)
_KINDS = {
    "photometric": "photometric",
    "unit": "UNIT checkpoint",
    "resnet": "ResNet generator",
    "unet": "U-Net generator",
    "torchscript": "exported network",
    "torch.export": "exported network",
    "day": "as it is",
    "true night": "as drawn",
}


def draw_contact_sheet(
    title: str, measured: Sequence[Measured], pictures: Sequence[Sequence[np.ndarray]]
) -> np.ndarray:
    """Draw the sheet, (H, W, 3) uint8 RGB.

    pictures: for each of `measured` its column of (H, W, 3) uint8 images, one for each day, or none; then the
    column is left out, and a line at the bottom gives the reason.
    """
    shown = [(row, column) for row, column in zip(measured, pictures, strict=True) if column]
    failed = [row for row in measured if row.reason]
    heights = [max(_fitted(column[line]).height for _, column in shown) for line in range(len(shown[0][1]))]
    # Metrics that any column has.
    numbers = [name for name in _WORDS if any(getattr(row, name) is not None for row in measured)]
    top = _MARGIN + _TITLE + 2 * _LINE + 34
    first = top + _NAME + _LINE + _LINE * len(numbers) + 22
    width = max(2 * _MARGIN + len(shown) * (_CELL + _GAP) - _GAP, 900)
    foot = first + sum(heights) + _GAP * len(heights)
    height = foot + _MARGIN + (_LINE * len(failed) + 12 if failed else 0)
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_title(draw, title, numbers, width)
    for index, (row, column) in enumerate(shown):
        left = _MARGIN + index * (_CELL + _GAP)
        _draw_head(draw, row, numbers, (left, top))
        _paste_column(sheet, column, heights, (left, first))
    for index, row in enumerate(failed):
        text = f"cannot be used: {row.name}: {' '.join(row.reason.split())}"
        where = (_MARGIN, foot + 12 + index * _LINE)
        draw.text(where, _shortened(text, width - 2 * _MARGIN, _SMALL), _SOFT, _font(_SMALL))
    return np.asarray(sheet)


def _draw_title(draw: ImageDraw.ImageDraw, title: str, numbers: Sequence[str], width: int) -> None:
    draw.text((_MARGIN, _MARGIN), _shortened(title, width - 2 * _MARGIN, _TITLE), _INK, _font(_TITLE))
    lines = [
        "Means over the images. Brightness, contrast: mean and standard deviation of luma (0 to 255).",
        "Edges: share of the day's edges still seen"
        + (". PSNR, SSIM: to the true night." if "psnr" in numbers else "."),
    ]
    for index, text in enumerate(lines):
        where = (_MARGIN, _MARGIN + _TITLE + 12 + index * _LINE)
        draw.text(where, _shortened(text, width - 2 * _MARGIN, _SMALL), _SOFT, _font(_SMALL))


def _draw_head(
    draw: ImageDraw.ImageDraw, row: Measured, numbers: Sequence[str], place: tuple[int, int]
) -> None:
    left, top = place
    draw.line((left, top - 10, left + _CELL - 1, top - 10), _RULE, 1)
    draw.text((left, top), _shortened(row.name, _CELL, _NAME), _INK, _font(_NAME))
    draw.text((left, top + _NAME + 6), _KINDS.get(row.kind, row.kind), _SOFT, _font(_SMALL))
    for index, name in enumerate(numbers):
        down = top + _NAME + 8 + (index + 1) * _LINE
        draw.text((left, down), _WORDS[name][0], _SOFT, _font(_SMALL))
        draw.text((left + _CELL - 12, down), _in_words(row, name), _INK, _font(_SMALL), anchor="ra")


_WORDS = {
    "brightness": ("brightness", "{:.0f}"),
    "contrast": ("contrast", "{:.0f}"),
    "visible_edges": ("edges still seen", "{:.0%}"),
    "psnr": ("PSNR", "{:.1f} dB"),
    "ssim": ("SSIM", "{:.2f}"),
}


def _in_words(row: Measured, name: str) -> str:
    value = getattr(row, name)
    return "-" if value is None else _WORDS[name][1].format(value)


def _paste_column(
    sheet: Image.Image, column: Sequence[np.ndarray], heights: Sequence[int], place: tuple[int, int]
) -> None:
    left, down = place
    for pixels, height in zip(column, heights, strict=True):
        picture = _fitted(pixels)
        sheet.paste(picture, (left + (_CELL - picture.width) // 2, down + (height - picture.height) // 2))
        down += height + _GAP


def _fitted(pixels: np.ndarray) -> Image.Image:
    """An image in the largest size that fits its cell."""
    height, width = pixels.shape[:2]
    share = min(_CELL / width, _TALLEST / height)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, so that the sheet is the same on every machine."""
    return ImageFont.load_default(size)


def _shortened(text: str, width: int, size: int) -> str:
    """As much of a text as fits into `width` pixels."""
    if _font(size).getlength(text) <= width:
        return text
    while text and _font(size).getlength(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."
