from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.runtime.errors import BadImageError
from tests.unit.golden import draw_folders
from unit.data.domain_images import side_of_folder
from unit.network.pixels import network_levels, to_range
from unit.training.training_images import CropSource, read_crops


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folders(tmp_path_factory.mktemp("pictures"))[0]


def source(folder: Path, seed: int = 3, stream: int = 0) -> CropSource:
    return CropSource(side_of_folder(folder), 24, (16, 20), seed, stream)


def test_a_crop_depends_on_its_number_alone(day: Path) -> None:
    forward = source(day)
    crops = [forward.crop_at(position) for position in range(17)]
    fresh = source(day)
    for position in (16, 3, 9, 0):
        assert torch.equal(fresh.crop_at(position), crops[position])
    assert crops[0].shape == (3, 16, 20)
    assert all(crop.min() >= -1 and crop.max() <= 1 for crop in crops)


@settings(max_examples=20)
@given(epoch=st.integers(0, 50), seed=st.integers(0, 9))
def test_each_pass_shows_every_picture_once(day: Path, epoch: int, seed: int) -> None:
    drawn = source(day, seed)
    seen = Counter(drawn.path_at(epoch * 5 + place) for place in range(5))
    assert seen == Counter(drawn.paths)


def test_passes_seeds_and_streams_differ(day: Path) -> None:
    orders = {
        tuple(source(day, seed, stream).path_at(start + place).name for place in range(5))
        for seed, stream, start in ((3, 0, 0), (3, 0, 5), (3, 0, 10), (4, 0, 0), (3, 1, 0), (5, 1, 0))
    }
    assert len(orders) >= 5


def test_crops_are_whole_pixels_of_the_resized_picture(day: Path) -> None:
    drawn = source(day)
    flips = 0
    for position in range(20):
        crop = drawn.crop_at(position)
        pixels = np.asarray(Image.open(drawn.path_at(position)))
        places = {
            flip: has_crop(to_range(network_levels(np.ascontiguousarray(version), 24)), crop)
            for flip, version in ((False, pixels), (True, pixels[:, ::-1]))
        }
        assert any(places.values())
        flips += places[True]
    assert 0 < flips < 20


def has_crop(whole: torch.Tensor, crop: torch.Tensor) -> bool:
    windows = whole.unfold(1, crop.shape[1], 1).unfold(2, crop.shape[2], 1)
    return bool((windows == crop[:, None, None]).all(dim=(0, 3, 4)).any())


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_read_ahead_is_what_was_asked_for(day: Path, threads: int) -> None:
    positions = [range(3 * iteration, 3 * iteration + 3) for iteration in (2, 3, 4, 11)]
    read = list(read_crops([source(day), source(day, stream=1)], positions, threads))
    for numbers, crops in zip(positions, read, strict=True):
        for stream, some in enumerate(crops):
            wanted = [source(day, stream=stream).crop_at(number) for number in numbers]
            assert torch.equal(some, torch.stack(wanted))


def test_a_broken_picture_breaks_the_iteration_that_wants_it(day: Path) -> None:
    drawn = source(day)
    wanted = [drawn.path_at(position) for position in range(8)]
    (wanted[3]).write_bytes(b"no image")
    crops = read_crops([drawn], (range(number, number + 1) for number in range(8)), 2)
    for _ in range(wanted.index(wanted[3])):
        next(crops)
    with pytest.raises(BadImageError, match=wanted[3].name):
        next(crops)


def test_a_picture_too_narrow_for_the_crop_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "narrow.png")
    with pytest.raises(
        BadImageError, match=r"narrow\.png: 24x24 pixels after resizing, too small for crops of 30x16"
    ):
        CropSource(side_of_folder(tmp_path), 24, (16, 30), 0, 0).crop_at(0)


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"broken\.jpg"):
        source(tmp_path).crop_at(0)


def test_zoomed_crops_are_of_pictures_enlarged_by_no_more_than_asked_for(tmp_path: Path) -> None:
    zoomed = CropSource(side_of_folder(draw_folders(tmp_path)[0]), 24, (16, 20), 3, 0, zoom=1.5)
    sides = set()
    for position in range(20):
        pixels = np.asarray(Image.open(zoomed.path_at(position)))
        crop = zoomed.crop_at(position)
        (found,) = (
            side
            for side in range(24, 37)
            if any(
                has_crop(to_range(network_levels(np.ascontiguousarray(version), side)), crop)
                for version in (pixels, pixels[:, ::-1])
            )
        )
        sides.add(found)
    assert len(sides) > 5
