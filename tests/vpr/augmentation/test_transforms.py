"""Changes of training queries, in the form that the paper's code ran and in that which its words mean."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipeline.core.image_io import encode
from pipeline.core.params import build
from pipeline.runtime.errors import ParameterError
from pipeline.vpr.augmentation.transforms import (
    Augmentation,
    Jitter,
    Night,
    Occlusion,
    Perspective,
    ResizedCrop,
    Rotation,
    query_generator,
)
from pipeline.vpr.inputs.preprocessing import MEAN, STD, read_view

HEIGHT, WIDTH = 60, 80
ALWAYS = Perspective(distortion=0.5, probability=1.0, fill=1.0, form="literal", crop=None)
ERASED = Occlusion(probability=1.0, area=(0.05, 0.08), ratio=(0.3, 5.3))


def generator(number: int = 0) -> np.random.Generator:
    return query_generator(0, 0, 0, number)


def picture(level: int | None = None) -> Image.Image:
    drawn = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3))
    pixels = drawn if level is None else np.full((HEIGHT, WIDTH, 3), level)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.mark.parametrize(
    ("form", "threshold"), [("literal", 1), ("meant", 64)], ids=["all but black", "from a quarter on"]
)
def test_a_false_night_inverts_from_its_threshold_on_and_darkens(form: Any, threshold: int) -> None:
    levels = np.asarray(picture()).astype(int)
    inverted = np.where(levels >= threshold, 255 - levels, levels)
    night = np.asarray(Night(0.25, form, 0.55)(picture(), generator())).astype(int)
    assert np.abs(night - inverted * 0.55).max() <= 1


@pytest.mark.parametrize(("form", "level"), [("literal", 1), ("meant", 255)])
def test_what_a_perspective_uncovers_is_nearly_black_or_white(form: Any, level: int) -> None:
    grey = picture(128)
    changed = np.asarray(replace(ALWAYS, form=form)(grey, generator()))
    assert changed.shape == (HEIGHT, WIDTH, 3)
    uncovered = (changed == level).all(axis=2).mean()
    assert 0.05 < uncovered < 0.75
    # Between the image and the fill there is only the border's blending.
    assert (changed == 128).all(axis=2).mean() + uncovered > 0.9


def test_a_perspective_comes_with_its_probability() -> None:
    sometimes = replace(ALWAYS, probability=0.7)
    moved = [
        sometimes(picture(), generator(number)).tobytes() != picture().tobytes() for number in range(300)
    ]
    assert 0.6 < np.mean(moved) < 0.8


def test_corners_move_inwards_by_up_to_the_distortion() -> None:
    # Of 400 draws the white that a corner's move uncovers is nothing sometimes, and never beyond half a side.
    white = replace(ALWAYS, form="meant")
    seen = np.zeros((HEIGHT, WIDTH))
    for number in range(60):
        seen += (np.asarray(white(picture(0), generator(number))) == 0).all(axis=2)
    assert seen[HEIGHT // 2 - 8 : HEIGHT // 2 + 8, WIDTH // 2 - 8 : WIDTH // 2 + 8].min() >= 58
    assert seen[0, 0] < 12


@pytest.mark.parametrize("size", [(480, 640), (60, 80), (96, 128)])
def test_the_crop_keeps_the_same_share_of_a_picture_of_any_size(size: tuple[int, int]) -> None:
    image = Image.new("RGB", (size[1], size[0]))
    kept = replace(ALWAYS, fill=0.0, crop=0.625)(image, generator())
    assert kept.size == (round(size[1] * 400 / 640), round(size[0] * 300 / 480))


def test_an_occlusion_is_a_rectangle_of_noise_of_the_asked_area_and_ratio() -> None:
    view = torch.zeros(3, 120, 160)
    values, seen = [], []
    for number in range(80):
        changed = ERASED(view, generator(number))
        rows, columns = (torch.nonzero(changed.abs().sum((0, axis))).flatten() for axis in (2, 1))
        height, width = (int(found[-1] - found[0]) + 1 for found in (rows, columns))
        values.append(changed[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].flatten())
        seen.append((height * width / (120 * 160), height / width))
    areas, ratios = np.array(seen).T
    assert areas.min() > 0.045
    assert areas.max() < 0.085
    assert 0.25 < ratios.min() < 0.5 and 4 < ratios.max() < 6
    noise = torch.cat(values)
    assert abs(float(noise.mean())) < 0.02
    assert abs(float(noise.std()) - 1) < 0.02
    assert float(view.abs().sum()) == 0


def test_the_ratio_of_an_occlusion_is_drawn_evenly_in_its_logarithm() -> None:
    view = torch.zeros(3, 400, 400)
    taller = 0
    for number in range(200):
        found = torch.nonzero(ERASED(view, generator(number))[0])
        height, width = (found.amax(0) - found.amin(0)).tolist()
        taller += height > width
    # log(5.3) against log(5.3 / 0.3): 0.58 of the draws are taller than wide.
    assert 0.5 < taller / 200 < 0.66


def test_colours_crops_and_turns_stay_within_their_ranges() -> None:
    grey = picture(100)
    bright = [np.asarray(Jitter(0.4, 0, 0, 0)(grey, generator(n))).mean() for n in range(60)]
    assert 59 <= min(bright) < 70 and 130 < max(bright) <= 141
    crops = [ResizedCrop(0.5)(picture(), generator(n)).size for n in range(60)]
    shares = [width * height / (WIDTH * HEIGHT) for width, height in crops]
    assert 0.48 < min(shares) < 0.6 and max(shares) > 0.8
    turned = [np.asarray(Rotation(20)(grey, generator(n)))[0, 0, 0] for n in range(20)]
    assert set(turned) <= {0, 100} and 0 in turned
    assert Rotation(20)(grey, generator()).size == grey.size


def test_parts_are_applied_one_after_the_other_and_nothing_is_the_plain_view() -> None:
    data = encode(np.asarray(picture()), ".png", quality=90)
    plain = read_view(data, 48, 64, "x.png")
    assert torch.equal(Augmentation().read(data, (48, 64), "x.png", generator()), plain)
    both = Augmentation(night=Night(0.25, "meant", 0.55), occlusion=ERASED)
    night = Augmentation(night=both.night).read(data, (48, 64), "x.png", generator())
    changed = both.read(data, (48, 64), "x.png", generator())
    assert 0.03 < float((night != changed)[0].float().mean()) < 0.1
    black = (0 - torch.tensor(MEAN)) / torch.tensor(STD)
    assert float(night.mean()) < float(plain.mean())
    assert float(night.amin()) >= float(black.min()) - 1e-4


def test_changes_depend_on_seed_epoch_round_and_query_only() -> None:
    data = encode(np.asarray(picture()), ".png", quality=90)
    change = Augmentation(perspective=ALWAYS, occlusion=ERASED)

    def drawn(*key: int) -> bytes:
        return change.read(data, (48, 64), "x.png", query_generator(*key)).numpy().tobytes()

    assert drawn(1, 2, 3, 0) == drawn(1, 2, 3, 0)
    keys = [(1, 2, 3, 0), (1, 2, 3, 1), (1, 2, 0, 0), (1, 0, 3, 0), (0, 2, 3, 0), (1, 2, 0, 3)]
    assert len({drawn(*key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nigth": {}}, "unknown parameter nigth; known are night, lights"),
        ({"night": {"threshold": 0.25, "brightness": 0.55}}, r"augmentation\.night: missing parameter form"),
        (
            {"night": {"threshold": 64, "form": "meant", "brightness": 1}},
            "threshold must be between 0 and 1",
        ),
        (
            {"jitter": {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 1}},
            "hue must be between 0 and 0.5",
        ),
        (
            {"occlusion": {"probability": 1, "area": [0.2, 0.1], "ratio": [1, 2]}},
            "area must be two incr",
        ),
        ({"rotation": 15}, r"augmentation\.rotation must be Rotation, not 15"),
        ({"resized_crop": {"smallest": 0}}, "smallest must be above 0 and at most 1"),
    ],
)
def test_impossible_changes_are_refused_in_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build(Augmentation, values, "train.x.augmentation")


def test_a_section_of_params_is_read_as_it_is_written() -> None:
    section = {
        "perspective": {"distortion": 0.5, "probability": 0.7, "fill": 1, "form": "meant", "crop": None}
    }
    found = build(Augmentation, section | {"night": None}, "x")
    assert found == Augmentation(perspective=Perspective(0.5, 0.7, 1.0, "meant", None))
