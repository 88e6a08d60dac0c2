from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.core.image_io import encode
from pipeline.runtime.errors import DusklineError
from pipeline.vpr.inputs.preprocessing import MEAN, STD, read_view


def png(height: int, width: int) -> tuple[np.ndarray, bytes]:
    pixels = np.random.default_rng(4).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return pixels, encode(pixels, ".png", quality=90)


def test_a_picture_of_the_right_size_is_only_normalised() -> None:
    pixels, data = png(12, 16)
    view = read_view(data, 12, 16, "x.png")
    wanted = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    assert view.dtype == torch.float32
    assert np.allclose(view.permute(1, 2, 0).numpy(), wanted, atol=1e-5)


def test_any_other_is_resized_whatever_its_aspect() -> None:
    pixels = np.full((30, 50, 3), 128, np.uint8)
    view = read_view(encode(pixels, ".png", quality=90), 24, 32, "x.png")
    assert view.shape == (3, 24, 32)
    assert np.allclose(view[0].numpy(), (128 / 255 - MEAN[0]) / STD[0], atol=1e-4)


def test_resizing_is_bilinear_with_antialias() -> None:
    pixels, data = png(60, 90)
    normal = (torch.from_numpy(pixels / 255) - torch.tensor(MEAN)) / torch.tensor(STD)
    grid = normal.float().permute(2, 0, 1)[None]
    wanted, rough = (
        nn.functional.interpolate(grid, (24, 32), mode="bilinear", antialias=smooth)[0]
        for smooth in (True, False)
    )
    view = read_view(data, 24, 32, "x.png")
    assert torch.allclose(view, wanted, atol=1e-5)
    assert not torch.allclose(view, rough, atol=1e-1)


def test_a_broken_picture_is_named() -> None:
    with pytest.raises(DusklineError, match=r"set/images/x\.jpg"):
        read_view(png(12, 16)[1][:50], 12, 16, "set/images/x.jpg")
