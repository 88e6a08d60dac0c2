"""Measures against values computed by hand, and against slow and plain versions of themselves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.night.comparison.image_metrics import (
    brightness,
    contrast,
    lights_in_place,
    lit,
    luma,
    psnr,
    ssim,
    visible_edges,
)


def grey(level: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def random(seed: int, height: int = 24, width: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def bars(dark: int, bright: int, *, turned: bool = False, size: int = 64, moved: int = 0) -> np.ndarray:
    """Bars of eight pixels, upright or lying."""
    line = np.where((np.arange(size) + moved) // 8 % 2, bright, dark).astype(np.uint8)
    plane = np.tile(line, (size, 1))
    return np.repeat((plane.T if turned else plane)[..., None], 3, axis=2)


def test_luma_weighs_the_channels() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    assert luma(colours)[0] == pytest.approx([76.245, 149.685, 29.07, 255])


def test_brightness_and_contrast() -> None:
    halves = np.concatenate([grey(20), grey(100)])
    assert brightness(halves) == pytest.approx(60)
    assert contrast(halves) == pytest.approx(40)
    assert (brightness(grey(7)), contrast(grey(7))) == pytest.approx((7, 0))


def test_psnr_of_a_known_difference() -> None:
    assert psnr(grey(100), grey(110)) == pytest.approx(20 * math.log10(25.5))
    one = grey(0, 1, 4)
    one[0, 0, 0] = 12  # 144 over 12 values: a mean square of 12
    assert psnr(one, grey(0, 1, 4)) == pytest.approx(10 * math.log10(255**2 / 12))
    assert psnr(grey(0), grey(255)) == 0
    assert psnr(grey(5), grey(5)) == math.inf


def plain_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Wang et al. 2004, equations 13 to 17, window by window."""
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    x, y = (picture @ np.array([0.299, 0.587, 0.114]) for picture in (one, other))
    values = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            a, b = (plane[top : top + 11, left : left + 11] for plane in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            var_a, var_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
            cov = (weights * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = 2.55**2, 7.65**2
            values.append(
                (2 * mean_a * mean_b + c1) * (2 * cov + c2)
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )  # fmt: skip
    return float(np.mean(values))


def test_ssim_is_wangs() -> None:
    one, other = random(1), random(2)
    mixed = (0.6 * one + 0.4 * other).astype(np.uint8)
    for pair in ((one, other), (one, mixed), (mixed, grey(90)), (one, 255 - one)):
        assert ssim(*pair) == pytest.approx(plain_ssim(*pair), abs=1e-9)
    assert ssim(one, one) == pytest.approx(1)
    assert ssim(one, 255 - one) < 0
    # Without structure only the means are compared.
    assert ssim(grey(100), grey(50)) == pytest.approx((2 * 100 * 50 + 2.55**2) / (100**2 + 50**2 + 2.55**2))


def test_ssim_of_the_smallest_picture_and_of_a_smaller_one() -> None:
    assert ssim(random(3, 11, 11), random(4, 11, 11)) == pytest.approx(
        plain_ssim(random(3, 11, 11), random(4, 11, 11))
    )
    with pytest.raises(ValueError, match="SSIM needs 11x11 pixels, found 11x10"):
        ssim(random(3, 10, 11), random(4, 10, 11))


def test_lights_count_where_the_true_night_has_them() -> None:
    true = grey(20, 40, 40)
    true[10:12, 10:12] = (255, 180, 60)
    true[30:32, 30:32] = (10, 10, 200)
    night = grey(20, 40, 40)
    night[11:13, 11:13] = 200  # a pixel off
    night[2:4, 36:38] = 200  # where none is
    assert lit(true).sum() == 8
    assert lights_in_place(night, true) == (0.5, 0.5)
    assert lights_in_place(true, true) == (1, 1)
    precision, recall = lights_in_place(night, true, reach=0)
    assert (precision, recall) == (1 / 8, 1 / 8)


def test_a_night_bright_all_over_has_no_precision_and_a_dark_one_no_recall() -> None:
    true = grey(20, 40, 40)
    true[10:12, 10:12] = 255
    precision, recall = lights_in_place(grey(200, 40, 40), true)
    assert precision == 36 / 1600
    assert recall == 1
    assert lights_in_place(grey(0, 40, 40), true) == (1, 0)
    with pytest.raises(ValueError, match="shape"):
        lights_in_place(grey(0, 40, 40), grey(0, 40, 41))


def test_edges_of_the_day_itself_and_of_its_negative_are_all_seen() -> None:
    day = bars(60, 180)
    assert visible_edges(day, day) == 1
    assert visible_edges(day, 255 - day) == 1
    assert visible_edges(day, day // 2) == 1


def test_edges_that_are_gone_turned_or_elsewhere_are_not_seen() -> None:
    day = bars(60, 180)
    assert visible_edges(day, grey(30, 64, 64)) == 0
    assert visible_edges(day, bars(60, 180, turned=True)) < 0.1
    assert visible_edges(day, bars(60, 180, moved=4)) == 0
    # Next to it counts.
    assert visible_edges(day, bars(60, 180, moved=1)) > 0.9


def test_an_edge_that_is_slightly_turned_is_the_same_and_one_across_is_another() -> None:
    def edge(degrees: float) -> np.ndarray:
        x, y = np.meshgrid(np.arange(65) - 32, np.arange(65) - 32)
        angle = math.radians(degrees)
        plane = np.where(x * math.cos(angle) + y * math.sin(angle) > 0.5, 180, 60).astype(np.uint8)
        return np.repeat(plane[..., None], 3, axis=2)

    day = edge(0)
    # Where the two lie within a pixel of each other, near the middle.
    assert 0.1 < visible_edges(day, edge(15)) < 0.3
    assert visible_edges(day, edge(45)) == 0
    assert visible_edges(day, edge(80)) == 0


def test_half_of_the_edges() -> None:
    day = bars(60, 180)
    night = np.concatenate([day[:32], grey(20, 32, 64)])
    assert visible_edges(day, night) == pytest.approx(0.5, abs=0.06)


def test_edges_below_the_step_are_none() -> None:
    # A step of 8 levels is under 4 levels a pixel after the blur, one of 24 is over it.
    day = bars(60, 180)
    assert visible_edges(day, bars(30, 38)) == 0
    assert visible_edges(day, bars(30, 54)) == 1


def test_a_day_without_edges_loses_none() -> None:
    assert visible_edges(grey(90), random(5)) == 1
    assert visible_edges(grey(90, 1, 1), grey(3, 1, 1)) == 1


@pytest.mark.parametrize("measure", [psnr, ssim, visible_edges])
def test_pictures_of_two_shapes_are_not_compared(measure: object) -> None:
    with pytest.raises(ValueError, match="the same shape"):
        measure(grey(1, 24, 32), grey(1, 32, 24))  # type: ignore[operator]
