"""The time of day by light: of plain images, and of a city that the rule was not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.plan import build_city
from pipeline.city.rendering.renderer import Painter
from pipeline.datasets.derived.uncertain_labels import SHOWN, least_certain
from pipeline.datasets.time_of_day.brightness_classifier import time_by_brightness
from pipeline.datasets.time_of_day.labels import TimeLabel


@pytest.mark.parametrize(("level", "time_of_day"), [(200, "day"), (130, "day"), (12, "night"), (0, "night")])
def test_bright_is_day_and_dark_is_night(level: int, time_of_day: str) -> None:
    found = time_by_brightness(np.full((30, 50, 3), level, np.uint8))
    assert found.time_of_day == time_of_day
    assert found.certainty > 0.5


def test_a_warm_dim_light_is_sunset() -> None:
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:20] = (190, 140, 130)
    pixels[20:] = (80, 65, 60)
    assert time_by_brightness(pixels).time_of_day == "sunset"


@pytest.mark.parametrize("size", [(1, 1), (3, 400), (900, 20)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    assert 0 <= time_by_brightness(np.full((*size, 3), 90, np.uint8)).certainty <= 1


@pytest.mark.slow
def test_on_a_city_it_was_not_fitted_to_days_and_nights_are_not_confused() -> None:
    city = build_city(31, 3, 3)
    painter = Painter(city)
    found = {"day": [], "sunset": [], "night": []}
    for number, street in enumerate(city.streets[:8]):
        along = np.degrees(np.arctan2(street.x1 - street.x0, street.y1 - street.y0))
        shot = Shot(
            x=(street.x0 + street.x1) / 2,
            y=(street.y0 + street.y1) / 2,
            yaw=float(along + 40 * (number % 3)) % 360,
            pitch=8.0,
            field_of_view=66.0,
        )
        for time_of_day, guesses in found.items():
            guesses.append(time_by_brightness(painter.draw(shot, time_of_day, 96, 72)).time_of_day)
    assert "night" not in found["day"]
    assert "day" not in found["night"]
    right = sum(guesses.count(time_of_day) for time_of_day, guesses in found.items())
    assert right >= 20  # of 24


def test_the_least_certain_come_first_and_known_ones_not_at_all() -> None:
    labels = [TimeLabel(f"{number}", "day", "brightness", number / 100) for number in range(50, 0, -1)]
    labels.append(TimeLabel("known", "day", "number"))
    shown = least_certain(labels)
    assert [label.name for label in shown] == [f"{number}" for number in range(1, SHOWN + 1)]
