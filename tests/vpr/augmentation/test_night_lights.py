"""Other lights for a night: what is drawn, how much of it, and what it depends on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.core.params import build
from pipeline.runtime.errors import ParameterError
from pipeline.vpr.augmentation.night_lights import Lights
from pipeline.vpr.augmentation.transforms import Augmentation, night_generator

NONE = Lights(shade=0, windows=0, lamps=0, noise=0)
LIGHTS = Lights(shade=0.5, windows=40, lamps=4, noise=6)
HEIGHT, WIDTH = 96, 128


def dark(height: int = HEIGHT, width: int = WIDTH, level: int = 30) -> Image.Image:
    return Image.fromarray(np.full((height, width, 3), level, np.uint8))


def changed(lights: Lights, image: Image.Image, place: int = 0) -> np.ndarray:
    return np.asarray(lights(image, night_generator(0, 0, 0, place))).astype(int)


def many(lights: Lights, image: Image.Image, count: int = 60) -> np.ndarray:
    return np.stack([changed(lights, image, place) for place in range(count)])


def test_with_nothing_asked_only_three_in_ten_get_a_shop_front() -> None:
    found = many(NONE, dark(), 200)
    same = (found == 30).all(axis=(1, 2, 3))
    assert 0.6 < same.mean() < 0.8
    for picture in found[~same]:
        rows, columns = np.nonzero((picture != 30).any(axis=2))
        # One rectangle in the lower half, as high as a shop's window.
        assert (
            (picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] != 30).any(axis=2).all()
        )
        assert 0.4 * HEIGHT <= rows.min() <= 0.75 * HEIGHT
        assert np.ptp(rows) < 0.16 * HEIGHT
        assert picture[rows[0], columns[0], 0] >= 15 + 40 - 1


def test_windows_are_small_warm_and_at_most_so_many() -> None:
    found = many(replace(NONE, windows=12), dark())
    lit = (found != 30).any(axis=3)
    small = lit[:, : int(0.4 * HEIGHT)]  # above every shop front
    assert 0 < small.mean() < 12 * 5 * 4 / small[0].size
    levels = found[:, : int(0.4 * HEIGHT)][small]
    assert (levels[:, 0] >= 59).all()
    assert (levels[:, 0] >= levels[:, 1]).all()


def test_lamps_glow_and_fade() -> None:
    found = many(replace(NONE, lamps=1), dark(level=0))
    peaks = found[..., 0].max(axis=(1, 2))
    with_lamp = found[(peaks > 65)]
    assert 10 < len(with_lamp) < 60
    # Brighter than any glow, but not all over.
    assert ((with_lamp[..., 0] > 100).mean(axis=(1, 2)) < 0.2).all()


def test_shade_is_smooth_and_has_its_deviation() -> None:
    found = many(replace(NONE, shade=0.5), dark(level=60), 200)[:, : int(0.4 * HEIGHT)]
    logs = np.log(np.maximum(found, 1) / 60)
    # Smooth field, exposure and tint together, where levels are cut to 255 and to whole ones.
    assert logs.std() == pytest.approx(0.5 * (1 + 0.5**2 + 0.25**2) ** 0.5, rel=0.25)
    assert np.abs(np.diff(logs, axis=2)).mean() < 0.05


def test_a_picture_is_changed_by_its_generator_alone_and_not_in_place() -> None:
    image = dark()
    one, again, other = (changed(LIGHTS, image, place) for place in (1, 1, 2))
    assert (one == again).all()
    assert (one != other).any()
    assert (np.asarray(image) == 30).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 300), (480, 640)])
def test_pictures_of_any_size(height: int, width: int) -> None:
    for place in range(20):
        assert changed(LIGHTS, dark(height, width), place).shape == (height, width, 3)


def test_the_same_lights_at_twice_the_size_are_twice_as_large() -> None:
    lit = [
        (many(replace(NONE, windows=40), dark(scale * HEIGHT, scale * WIDTH)) != 30).mean()
        for scale in (2, 4)
    ]
    assert lit[1] == pytest.approx(lit[0], rel=0.15)


def test_impossible_lights_are_refused() -> None:
    section = {"lights": {"shade": 0.5, "windows": -1, "lamps": 4, "noise": 6}}
    with pytest.raises(ParameterError, match="windows must be at least 0, not -1"):
        build(Augmentation, section, "train.x.night_augmentation")


def test_lights_are_named_in_words() -> None:
    assert Augmentation(lights=LIGHTS).in_words == "lights (shade 0.5, windows 40, lamps 4, noise 6)"
