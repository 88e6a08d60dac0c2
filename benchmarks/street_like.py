"""Synthetic images that compress about like street photographs: smooth shapes and fine noise."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def street_like(count: int, width: int, height: int, quality: int) -> list[bytes]:
    """`count` different JPEGs of `width` x `height` pixels; the same ones each time."""
    rng = np.random.default_rng(0)
    images = []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
        noisy = np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(noisy).save(stream, "JPEG", quality=quality)
        images.append(stream.getvalue())
    return images
