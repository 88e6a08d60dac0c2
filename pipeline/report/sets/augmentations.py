"""Sheets of augmented queries: the same few images, unchanged and with each augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from pipeline.core.files import write_bytes
from pipeline.core.image_io import encode, open_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.comparison.samples import spread
from pipeline.runtime.errors import ParameterError, SetError
from pipeline.vpr.augmentation.transforms import Augmentation, query_generator
from pipeline.vpr.inputs.preprocessing import as_levels

_QUALITY = 90
# Pixels.
_LABEL_HEIGHT, _GAP = 22, 6
_PAPER, _INK = (255, 255, 255), (20, 20, 20)


def write_augmentations(
    target: Path, images: ImageSet, changes: Mapping[str, Augmentation], pictures: int, height: int
) -> int:
    """Draw `pictures` training queries, each plain and under each of the named `changes`, to a JPEG.

    A row is an image and a column an augmentation, named above it. Every cell is `height` pixels high, with
    the aspect of the first image, because the network's input has one size. Each change is the one of a run's
    first round with seed 0. Returns the number of images. Raises `ParameterError` if `pictures` or `height`
    is below 1, `SetError` if the dataset has no training queries.
    """
    for name, value in (("images", pictures), ("height", height)):
        if value < 1:
            raise ParameterError(f"{name} must be at least 1, not {value}")
    queries = images.where("train", "queries")
    if not queries:
        raise SetError(f"the set {images.root} has no images in train/queries")
    places = spread(range(len(queries)), pictures)
    first = queries[places[0]]
    size = (height, round(height * first.width / first.height))
    sheet = _blank_sheet(len(places), ["plain", *changes], size)
    for row, place in enumerate(places):
        data, label = images.read(queries[place]), f"{images.root}/{queries[place].name}"
        cells = [np.asarray(open_rgb(data, label=label).resize(size[::-1], Image.Resampling.BILINEAR))]
        for change in changes.values():
            cells.append(as_levels(change.read(data, size, label, query_generator(0, 0, 0, place))))
        for column, cell in enumerate(cells):
            sheet.paste(Image.fromarray(cell), _corner(row, column, size))
    write_bytes(target, encode(np.asarray(sheet), ".jpg", quality=_QUALITY))
    return len(places)


def _corner(row: int, column: int, size: tuple[int, int]) -> tuple[int, int]:
    return _GAP + column * (size[1] + _GAP), _LABEL_HEIGHT + row * (size[0] + _GAP)


def _blank_sheet(rows: int, names: list[str], size: tuple[int, int]) -> Image.Image:
    width, height = _corner(rows, len(names), size)
    sheet = Image.new("RGB", (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(names):
        left, top = _corner(0, column, size)
        pen.text((left, top - _LABEL_HEIGHT + 4), name, fill=_INK, font=ImageFont.load_default(12))
    return sheet
