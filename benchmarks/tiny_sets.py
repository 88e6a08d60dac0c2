"""Images of noise and their names, for datasets in which only the number of images matters."""

from __future__ import annotations

import numpy as np

from pipeline.core.image_io import encode

SIDE = 16  # pixels


def tiny_picture(seed: int) -> bytes:
    """A JPEG of noise, different for each seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    return encode(pixels, ".jpg", quality=90)


def tiny_name(number: int) -> str:
    """A file name, a metre east of the one before."""
    where = f"@{585_000 + number:010.2f}@4477000.00"
    return f"{where}@17@T@40.44000@-79.99000@{number}@@@@@@@@.jpg"
