from __future__ import annotations

from typing import Any

import pytest

from pipeline.city.settings import CitySettings
from pipeline.core.params import build
from pipeline.runtime.errors import ParameterError
from tests.city.tiny import VALUES, tiny


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("width", 8, "width must be between 16 and 4,096 \\(pixels\\), not 8"),
        ("tokyo_queries", 33_334, "tokyo_queries must be between 1 and 33,333, not 33,334"),
        ("yaws", 5, "yaws must divide the 12 steps of a panorama, not 5"),
        ("spacing", float("nan"), "spacing must be between 4 and 25 \\(metres\\), not nan"),
    ],
)
def test_values_out_of_range_are_parameter_errors(name: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=f"fetch.city: {message}"):
        build(CitySettings, {**VALUES, name: value}, "fetch.city")


def test_whole_numbers_do_for_metres_and_shares() -> None:
    assert build(CitySettings, {**VALUES, "spacing": 10, "query_share": 1}, "fetch.city").spacing == 10.0


@pytest.mark.parametrize(
    ("yaws", "numbers", "field_of_view"),
    [
        (12, tuple(range(1, 13)), 60.0),
        (6, (1, 3, 5, 7, 9, 11), 400 / 6),
        (4, (1, 4, 7, 10), 90.0),
        (1, (1,), 90.0),
    ],
)
def test_views_spread_evenly_and_overlap(yaws: int, numbers: tuple[int, ...], field_of_view: float) -> None:
    settings = tiny(yaws=yaws)
    assert settings.yaw_numbers == numbers
    assert settings.field_of_view == pytest.approx(field_of_view)
