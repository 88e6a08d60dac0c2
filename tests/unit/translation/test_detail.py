"""What a translation changed, laid over the image: its light and its own detail."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.golden import CHECKPOINT
from unit.network.settings import UnitSettings
from unit.translation.detail import with_detail
from unit.translation.translate import UnitTranslator


def noise(seed: int, height: int, width: int, low: int = 40, high: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (height, width, 3)).astype(np.uint8)


def test_what_was_not_changed_stays() -> None:
    day = noise(1, 24, 32)
    assert np.array_equal(with_detail(day, day, day), day)
    large = noise(2, 48, 64)
    assert np.array_equal(with_detail(day, day, large), large)


def test_a_factor_for_all_is_that_of_every_pixel() -> None:
    day = noise(3, 48, 64)
    seen = day[::2, ::2]
    darker = ((seen.astype(float) + 8) / 3 - 8).round().astype(np.uint8)
    found = with_detail(darker, seen, day)
    assert found == pytest.approx((day.astype(float) + 8) / 3 - 8, abs=1.5)


def test_detail_is_the_pictures_and_light_the_networks() -> None:
    stripes = np.tile(np.where(np.arange(64) % 4 < 2, 90, 180).astype(np.uint8)[None, :, None], (48, 1, 3))
    # The network saw them, and drew none: a soft dark left and a soft bright right.
    soft = np.zeros_like(stripes)
    soft[:, :32], soft[:, 32:] = 30, 120
    found = with_detail(soft, stripes, stripes).astype(float)
    left, right = found[:, 8:24], found[:, 40:56]
    assert left.mean() < 45 < 100 < right.mean()
    for half in (left, right):
        bright, dark = half[:, 2::4], half[:, 1::4]
        assert bright.mean() > 1.6 * dark.mean()


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), sides=st.tuples(*[st.integers(1, 40)] * 4))
def test_any_sizes_and_levels_give_a_picture(seed: int, sides: tuple[int, int, int, int]) -> None:
    height, width, rows, columns = sides
    night, seen = noise(seed, height, width, 0, 256), noise(seed + 1, height, width, 0, 256)
    found = with_detail(night, seen, noise(seed + 2, rows, columns, 0, 256))
    assert found.shape == (rows, columns, 3)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("size", ["model", "source"])
@pytest.mark.parametrize(("height", "width"), [(60, 83), (64, 64), (130, 97)])
def test_a_translator_keeps_the_detail_of_what_it_is_given(size: str, height: int, width: int) -> None:
    pixels = noise(5, height, width)
    plain, detailed = (
        UnitTranslator(CHECKPOINT, UnitSettings("day2night", 64, "none", size, detail, "float32"))  # type: ignore[arg-type]
        for detail in ("network", "source")
    )
    assert plain.digest != detailed.digest
    drawn, kept = plain(pixels), detailed(pixels)
    assert drawn.shape == kept.shape
    assert kept.shape[:2] == ((height, width) if size == "source" else drawn.shape[:2])
    if size == "source" and min(height, width) >= 64:
        # Noise comes through the image, not through the network that saw it.
        wanted = np.corrcoef(pixels[..., 1].ravel(), kept[..., 1].ravel())[0, 1]
        assert wanted > np.corrcoef(pixels[..., 1].ravel(), drawn[..., 1].ravel())[0, 1]
