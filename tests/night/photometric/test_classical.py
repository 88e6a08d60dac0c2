"""The classical night: dark, warm below, seeded by the image alone."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.night.comparison.image_metrics import brightness, psnr, visible_edges
from pipeline.night.photometric.classical import ClassicalSettings, classical_night

SETTINGS = ClassicalSettings()
QUIET = dataclasses.replace(SETTINGS, shot=0.0, read=0.0)


def street(width: int = 160, height: int = 120) -> np.ndarray:
    """Blue sky, a wall with dark windows, a grey road."""
    day = np.zeros((height, width, 3), np.uint8)
    day[:, :] = (150, 190, 235)
    day[height // 3 :, width // 4 :] = (190, 150, 110)
    day[3 * height // 4 :] = (110, 110, 112)
    for left in range(width // 3, width - 12, 20):
        for top in (height // 3 + 8, height // 3 + 28):
            day[top : top + 12, left : left + 9] = (50, 55, 60)
    return day


def wall(height: int, width: int) -> np.ndarray:
    """Too warm for sky."""
    return np.full((height, width, 3), (125, 105, 85), np.uint8)


def test_the_same_picture_gives_the_same_night_whatever_came_before() -> None:
    first = classical_night(street(), SETTINGS)
    classical_night(street(80, 60), SETTINGS)
    assert np.array_equal(classical_night(street(), SETTINGS), first)
    # Also where its rows do not lie one after the other in memory.
    wide = np.zeros((120, 320, 3), np.uint8)
    wide[:, ::2] = street()
    assert np.array_equal(classical_night(wide[:, ::2], SETTINGS), first)


def test_one_changed_level_draws_other_noise() -> None:
    day = street()
    changed = day.copy()
    changed[60, 10, 1] += 1
    one, other = (classical_night(picture, SETTINGS) for picture in (day, changed))
    assert np.count_nonzero((one != other).any(axis=2)) > one.shape[0] * one.shape[1] / 2


def test_the_same_bytes_in_another_shape_are_another_picture() -> None:
    one, other = (classical_night(np.full(shape, 90, np.uint8), QUIET) for shape in ((8, 32, 3), (32, 8, 3)))
    assert not np.array_equal(one, np.rot90(other))


def test_sky_is_darkest_and_the_street_is_warm() -> None:
    night = classical_night(street(), QUIET).astype(float)
    sky, wall = night[5:30, 5:30], night[84:89, 60:140]
    assert sky.mean() < 30 < wall.mean()
    # Of a grey road: more red than blue, which by day it has not.
    road = night[95:, 20:140].mean(axis=(0, 1))
    assert road[0] > 1.2 * road[2]


def test_some_windows_are_lit_and_not_all() -> None:
    lit, dark = (window_levels(share) for share in (0.5, 0.0))
    assert max(dark) < 40
    assert 0 < sum(level > 100 for level in lit) < len(lit)


def window_levels(lit: float) -> list[int]:
    """Red in the middle of each window of the street."""
    night = classical_night(street(), dataclasses.replace(QUIET, lit=lit))
    return [int(night[top + 6, left + 4, 0]) for left in range(53, 148, 20) for top in (48, 68)]


def test_noise_and_vignette_can_be_told() -> None:
    grey = wall(96, 128)
    flat = dataclasses.replace(QUIET, pools=0)
    rows = classical_night(grey, flat)[60].astype(int)
    # The lens loses light towards the sides.
    assert rows[64, 1] > rows[0, 1]
    assert np.array_equal(rows[:64], rows[:63:-1])
    noisy = classical_night(grey, dataclasses.replace(flat, shot=SETTINGS.shot, read=SETTINGS.read))
    off = noisy.astype(float) - classical_night(grey, flat)
    assert 1 < off.std() < 12
    assert abs(off.mean()) < 0.5


def test_bands_of_rows_leave_no_seam() -> None:
    tall = wall(400, 40)
    column = classical_night(tall, QUIET)[:, 20, 1].astype(int)
    assert np.abs(np.diff(column)).max() <= 1


def test_a_large_picture_has_the_night_of_a_small_one() -> None:
    large = classical_night(cv2.resize(street(), (1600, 1200), interpolation=cv2.INTER_NEAREST), QUIET)
    shrunk = cv2.resize(large, (160, 120), interpolation=cv2.INTER_AREA).astype(float)
    small = classical_night(street(), dataclasses.replace(QUIET, lit=0.0))
    # Other draws, so other pools of light and lit windows, but sky and street are where they were.
    for rows, columns in ((slice(5, 30), slice(5, 150)), (slice(95, 118), slice(5, 150))):
        assert shrunk[rows, columns].mean() == pytest.approx(small[rows, columns].mean(), rel=0.25)
    assert (shrunk[45:80, 50:150, 0] > 100).any()


@pytest.mark.parametrize("share", [0.7, 1.3])
def test_exposure_follows_the_ground(share: float) -> None:
    day = street()
    other = np.clip(day * share, 0, 255).astype(np.uint8)
    ground = [classical_night(picture, QUIET)[92:, 20:140].mean() for picture in (day, other)]
    assert ground[1] == pytest.approx(ground[0], rel=0.12)


def test_revision_1_is_this_night() -> None:
    """Whoever changes what is drawn raises `revision`: no store may take older nights for the new ones."""
    small = cv2.resize(classical_night(street(), SETTINGS), (4, 3), interpolation=cv2.INTER_AREA)
    assert SETTINGS.revision == 1
    wanted = [[17.7, 19.0, 19.3, 17.3], [19.3, 69.7, 55.7, 75.0], [44.7, 59.0, 42.7, 49.3]]
    assert small.mean(axis=2) == pytest.approx(np.array(wanted), abs=0.7)


def test_it_is_nearer_to_the_true_night_than_the_day_is() -> None:
    city = build_city(77, 2, 2)
    painter = Painter(city)
    for lane, turn in zip(city.streets[:3], (0.0, 30.0, 180.0), strict=True):
        x, y = (lane.x0 + lane.x1) / 2, (lane.y0 + lane.y1) / 2
        along = float(np.degrees(np.arctan2(lane.x1 - lane.x0, lane.y1 - lane.y0)))
        shot = Shot(x=x, y=y, yaw=(along + turn) % 360, pitch=6.0, field_of_view=66.0)
        day, true = (painter.draw(shot, time, 240, 180) for time in ("day", "night"))
        night = classical_night(day, SETTINGS)
        assert psnr(night, true) > psnr(day, true) + 5
        assert 0.2 < brightness(night) / brightness(day) < 0.65
        assert visible_edges(day, night) > 0.45
