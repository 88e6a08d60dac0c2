"""Light: shadows on the right side, lamps that fall off, and encodings that return."""

import numpy as np
import pytest

from pipeline.city.layout.plan import build_city
from pipeline.city.layout.street_furniture import LAMP_HEIGHT, place_cars
from pipeline.city.rendering.lighting import (
    LIGHTS,
    Illumination,
    Relief,
    decode_table,
    encode,
    light_of,
    under,
)
from pipeline.runtime.errors import ParameterError

CITY = build_city(3, 2, 2)
LIT = Illumination(CITY, Relief(CITY), place_cars(CITY.seed, CITY.streets, 0))
UP = np.array([0.0, 0.0, 1.0])


def test_encoding_returns_within_a_step() -> None:
    radiance = np.linspace(0, 1.6, 500)
    back = decode_table(1.6)[encode(radiance, 1.6)]
    assert np.abs(np.sqrt(back) - np.sqrt(radiance)).max() < 0.003
    assert encode(np.array([-1.0, 99.0]), 1.6).tolist() == [0, 255]


def test_an_albedo_under_light_is_their_product() -> None:
    albedo = np.full((8, 8, 3), 200, np.uint8)
    falling = np.full((2, 2, 3), 0.5, np.float32)
    radiance = decode_table(2.0)[under(albedo, falling, 2.0)]
    assert np.allclose(radiance, (200 / 255) ** 2 * 0.5, rtol=0.02)


def test_the_foot_of_a_wall_is_sunny_on_one_side_and_shaded_on_the_other() -> None:
    day = LIGHTS["day"]
    tall = max((b for b in CITY.buildings if b.kind != "park"), key=lambda b: b.height)
    middle, sun = tall.corners.mean(0), np.array(day.sun[:2]) / np.hypot(*day.sun[:2])
    roof = np.array([[*middle, tall.height + 0.5]])
    behind = np.array([[*(middle - sun * 9), tall.height - 6.0]])
    bright = LIT.falling(roof, UP, day).mean()
    assert LIT.falling(behind, UP, day).mean() < 0.6 * bright


def test_lamp_light_falls_off_and_only_shines_at_night() -> None:
    x, y, east, north = CITY.kerbside.lamps[5]
    spots = np.array([[x + east * d, y + north * d, 0.0] for d in (1.5, 9.0)])
    near, far = LIT.falling(spots, UP, LIGHTS["night"]).mean(1)
    assert near > 1.5 * far
    assert near < min(LIGHTS["day"].sun_colour)
    above = np.array([[x, y, LAMP_HEIGHT + 20]])
    assert LIT.falling(above, UP, LIGHTS["night"]).mean() < 0.05


def test_light_of_an_unknown_hour_is_refused() -> None:
    assert light_of("sunset").name == "sunset"
    with pytest.raises(ParameterError, match="found 'dawn'"):
        light_of("dawn")
