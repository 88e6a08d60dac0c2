"""A sheet of samples, to judge a training run by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.core.files import write_bytes
from pipeline.core.pictures import encode, open_rgb
from unit.network import Generator
from unit.train_pictures import to_tensor
from unit.translate import resize_shorter, to_pixels

_ROWS = 4
_GAP = 4


def write_sheet(
    target: Path,
    a: Generator,
    b: Generator,
    day: tuple[Path, ...],
    night: tuple[Path, ...],
    shorter_side: int,
) -> None:
    """Write a PNG: day, its reconstruction, its night and back; then night, reconstruction, day and back.

    The pictures are spread evenly over `day` and `night`; each is shown whole, in the networks' size.
    """
    device = next(a.parameters()).device
    rows = []
    for index in range(_ROWS):
        tiles = []
        for paths, own, other in ((day, a, b), (night, b, a)):
            image = resize_shorter(open_rgb(paths[index * len(paths) // _ROWS]), shorter_side)
            tiles += _tiles(to_tensor(image)[None].to(device), own, other)
        rows.append(tiles)
    write_bytes(target, encode(_grid(rows), ".png", quality=95))


@torch.inference_mode()
def _tiles(x: Tensor, own: Generator, other: Generator) -> list[np.ndarray]:
    code = own.enc(x)
    there = other.dec(code)
    back = own.dec(other.enc(there))
    return [to_pixels(picture, "none")[0] for picture in (x, own.dec(code), there, back)]


def _grid(rows: list[list[np.ndarray]]) -> np.ndarray:
    heights = [max(tile.shape[0] for tile in row) for row in rows]
    widths = [max(row[column].shape[1] for row in rows) for column in range(len(rows[0]))]
    sheet = np.full(
        (sum(heights) + _GAP * (len(heights) - 1), sum(widths) + _GAP * (len(widths) - 1), 3), 255, np.uint8
    )
    top = 0
    for row, height in zip(rows, heights, strict=True):
        left = 0
        for tile, width in zip(row, widths, strict=True):
            sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
            left += width + _GAP
        top += height + _GAP
    return sheet
