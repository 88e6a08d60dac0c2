"""A sheet of samples, to judge a training run by eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from pipeline.core.files import write_bytes
from pipeline.core.image_io import encode, open_rgb
from unit.network.network import Generator
from unit.network.pixels import resize_shorter, to_pixels
from unit.training.training_images import spread, to_tensor

_ROWS = 4
_GAP = 4
_HEADS = (
    ("day", "reconstruction", "night", "back to day"),
    ("night", "reconstruction", "day", "back to night"),
)
_PAPER, _INK = (255, 255, 255), (20, 23, 29)
_QUALITY = 90


def write_sheet(
    target: Path,
    a: Generator,
    b: Generator,
    day: tuple[Path, ...],
    night: tuple[Path, ...],
    shorter_side: int,
) -> None:
    """Write a JPEG: rows of a day image, its reconstruction, its night and back; below, the same from night.

    The images are spread evenly over `day` and `night`; each is shown whole, in the size of the networks.
    """
    device = next(a.parameters()).device
    blocks = []
    for paths, own, other in ((day, a, b), (night, b, a)):
        images = (resize_shorter(open_rgb(path), shorter_side) for path in spread(paths, _ROWS))
        blocks.append([_tiles(to_tensor(image)[None].to(device), own, other) for image in images])
    write_bytes(target, encode(_drawn(blocks), ".jpg", quality=_QUALITY))


@torch.inference_mode()
def _tiles(x: Tensor, own: Generator, other: Generator) -> list[np.ndarray]:
    code = own.enc(x)
    there = other.dec(code)
    back = own.dec(other.enc(there))
    return [to_pixels(picture, "none")[0] for picture in (x, own.dec(code), there, back)]


def _drawn(blocks: list[list[list[np.ndarray]]]) -> np.ndarray:
    """Blocks of rows of images (H, W, 3), each block under its heads, in columns as wide as the widest."""
    column = max(tile.shape[1] for rows in blocks for tiles in rows for tile in tiles) + _GAP
    heights = [[max(tile.shape[0] for tile in tiles) + _GAP for tiles in rows] for rows in blocks]
    head = max(12, column // 16)
    size = (len(_HEADS[0]) * column - _GAP, sum(head + sum(rows) for rows in heights) - _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    top = 0
    for heads, rows, tall in zip(_HEADS, blocks, heights, strict=True):
        for index, text in enumerate(heads):
            # Pillow's own font, so that the sheet is the same on every machine.
            draw.text((index * column, top), text, _INK, ImageFont.load_default(0.75 * head))
        top += head
        for tiles, height in zip(rows, tall, strict=True):
            for index, tile in enumerate(tiles):
                sheet.paste(Image.fromarray(tile), (index * column, top))
            top += height
    return np.asarray(sheet)
