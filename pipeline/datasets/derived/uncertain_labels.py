"""A sheet of the queries whose time of day was guessed with the least certainty, to be checked by eye."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.core.image_io import encode, open_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.time_of_day.labels import TimeLabel

SHOWN = 24
_COLUMNS = 4
_CELL, _PICTURE, _MARGIN = (300, 260), (288, 200), 6  # pixels
_PAPER, _INK, _SOFT = (20, 23, 29), (236, 234, 228), (160, 168, 180)
_TYPE, _QUALITY = 15, 88
_LONGEST = 44


def least_certain(labels: Iterable[TimeLabel]) -> list[TimeLabel]:
    """The `SHOWN` least certain guesses, the least certain first."""
    guessed = [label for label in labels if label.certainty is not None]
    return sorted(guessed, key=lambda label: (label.certainty, label.name))[:SHOWN]


def draw_borderline(source: ImageSet, labels: Iterable[TimeLabel]) -> bytes:
    """Draw the least certain guesses with their names, as a JPEG."""
    shown = least_certain(labels)
    rows = {row.name: row for row in source.where(role="queries")}
    height = -(-len(shown) // _COLUMNS) * _CELL[1]
    sheet = Image.new("RGB", (_COLUMNS * _CELL[0], height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(_TYPE)
    for number, label in enumerate(shown):
        left, top = number % _COLUMNS * _CELL[0] + _MARGIN, number // _COLUMNS * _CELL[1] + _MARGIN
        picture = open_rgb(source.read(rows[label.name]), label=label.name)
        picture.thumbnail(_PICTURE)
        sheet.paste(picture, (left, top))
        below = top + _PICTURE[1] + 4
        draw.text((left, below), f"{label.time_of_day}, certainty {label.certainty:.2f}", _INK, font)
        name = label.name.rpartition("/")[2]
        draw.text((left, below + 20), _shortened(name), _SOFT, font)
    return encode(np.asarray(sheet), ".jpg", quality=_QUALITY)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST // 2]}...{name[-_LONGEST // 2 + 3 :]}"
