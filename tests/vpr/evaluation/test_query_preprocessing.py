from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.core.image_io import encode
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.vpr.evaluation.query_preprocessing import CropDescriptors, PreprocessedQueries, preprocess_query
from pipeline.vpr.inputs.split_images import split_images

NAME = "images/test/queries/@584000.00@4477000.00@@.png"


def ramp(height: int, width: int) -> Tensor:
    """An image whose red tells the row, green the column, both from 0 to 1."""
    rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
    columns = torch.linspace(0, 1, width)[None].expand(height, width)
    return torch.stack([rows, columns, torch.zeros(height, width)])


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [((60, 90), (24, 36)), ((90, 60), (36, 24)), ((50, 50), (24, 24)), ((12, 18), (24, 36))],
)
def test_a_single_query_keeps_its_aspect(shape: tuple[int, int], wanted: tuple[int, int]) -> None:
    view = preprocess_query(ramp(*shape), (24, 32), "single_query")
    assert view.shape == (3, *wanted)
    # All of it is shown.
    assert view[0, 0].max() < 0.1 and view[0, -1].min() > 0.9
    assert view[1, :, 0].max() < 0.1 and view[1, :, -1].min() > 0.9


@pytest.mark.parametrize("shape", [(60, 90), (90, 60), (48, 64), (31, 47), (24, 1000), (7, 5)])
def test_the_central_crop_is_the_largest_that_fits(shape: tuple[int, int]) -> None:
    view = preprocess_query(ramp(*shape), (24, 32), "central_crop")
    assert view.shape == (3, 24, 32)
    scale = max(24 / shape[0], 32 / shape[1])
    for channel, (side, seen) in enumerate(zip(shape, (24, 32), strict=True)):
        line = view[channel].amax(1 - channel)
        # It shows the middle part of this length; a pixel of the source more or less.
        share = seen / (side * scale)
        assert float(line[-1] - line[0]) == pytest.approx(share, abs=2 / side + 2 / seen)
        assert float(line[-1] + line[0]) == pytest.approx(1, abs=2 / side + 2 / seen)


def test_five_crops_are_the_corners_and_the_middle() -> None:
    view = ramp(48, 96)
    crops = preprocess_query(view, (24, 32), "five_crops").unflatten(0, (5, 3))
    assert crops.shape == (5, 3, 24, 24)
    small = nn.functional.interpolate(view[None], (24, 48), mode="bilinear", antialias=True)[0]
    for crop, left in zip(crops, (0, 24, 0, 24, 12), strict=True):
        assert torch.allclose(crop, small[:, :, left : left + 24], atol=1e-5)
    for other in ("nearest_crop", "majority_voting"):
        assert torch.equal(preprocess_query(view, (24, 32), other).unflatten(0, (5, 3)), crops)


class Means(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def test_descriptors_of_crops_are_averaged_or_kept_apart() -> None:
    pictures = torch.stack(
        [preprocess_query(ramp(40 + 8 * number, 60), (24, 32), "five_crops") for number in range(3)]
    )
    apart = CropDescriptors(Means(), apart=True)(pictures)
    assert apart.shape == (3, 5 * 3)
    each = torch.stack([Means()(crops.unflatten(0, (5, 3))) for crops in pictures])
    assert torch.allclose(apart.unflatten(1, (5, 3)), each)
    assert torch.allclose(CropDescriptors(Means(), apart=False)(pictures), each.mean(1))


@pytest.fixture
def one(tmp_path: Path) -> ImageSet:
    pixels = np.random.default_rng(3).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    writer = SetWriter(tmp_path / "set")
    writer.add(NAME, encode(pixels, ".png", quality=90), source="made", width=50, height=30)
    return writer.finish()


@pytest.mark.parametrize(
    ("treatment", "shape"),
    [
        ("hard_resize", (3, 24, 32)),
        ("single_query", (3, 24, 40)),
        ("central_crop", (3, 24, 32)),
        ("five_crops", (15, 24, 24)),
        ("nearest_crop", (15, 24, 24)),
        ("majority_voting", (15, 24, 24)),
    ],
)
def test_queries_are_read_normalised_and_treated(one: ImageSet, treatment, shape: tuple[int, ...]) -> None:
    queries = split_images(one, "test", "queries", 24, 32)
    treated_queries = PreprocessedQueries(queries, treatment)
    assert len(treated_queries) == 1
    view = treated_queries.read(0)
    assert view.shape == shape
    plain = queries.read(0)
    assert float(view.mean()) == pytest.approx(float(plain.mean()), abs=0.15)
    if treatment == "hard_resize":
        assert torch.equal(view, plain)
