from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.datasets.formatting.geographic_split import earth_positions
from pipeline.datasets.image_set.image_names import ImageName, name_at
from pipeline.datasets.image_set.utm_grid import (
    LatLon,
    UtmGrid,
    brought,
    grid_in_name,
    grid_of_places,
    own_grid,
    recorded_grid,
)

# Rounded to a centimetre, each of four coordinates.
PRINTED = 0.015

# Where zones or northings end, Norway's and Svalbard's among them, and where UTM itself does.
BORDERS = st.sampled_from(
    [
        *((50.0, float(east)) for east in range(-180, 180, 6)),
        (60.0, 3.0),
        (60.0, 12.0),
        (56.0, 5.0),
        (64.0, 5.0),
        (72.0, 20.0),
        *((78.0, east) for east in (0.0, 9.0, 21.0, 33.0, 42.0)),
        *((0.0, float(east)) for east in range(-180, 180, 30)),
        (83.99, 9.0),
        (-79.99, 180.0),
    ]
)
ANYWHERE = st.tuples(st.floats(-80, 84), st.floats(-180, 180))
# Of a pair, in metres to the north and to the east: up to a kilometre apart.
STEPS = st.tuples(st.floats(-700, 700), st.floats(-700, 700))


def moved(place: LatLon, north: float, east: float) -> LatLon:
    latitude = float(np.clip(place[0] + north / 111_320, -80, 84))
    degrees = east / (111_320 * np.cos(np.radians(latitude)))
    return latitude, float((place[1] + degrees + 180) % 360 - 180)


def true_metres(one: LatLon, other: LatLon) -> float:
    """The geodesic of neighbours: over a kilometre the chord is shorter by a nanometre or so."""
    return float(np.linalg.norm(np.subtract(*earth_positions([one, other]))))


def named_metres(one: LatLon, other: LatLon, grid: UtmGrid) -> float:
    """The distance as every reader takes it from two names."""
    names = [ImageName.parse(name_at(*place, grid=grid).encode()) for place in (one, other)]
    return float(np.hypot(names[0].east - names[1].east, names[0].north - names[1].north))


def is_true(named: float, true: float) -> bool:
    """Whether a distance is right within 0.5 %, beside what is rounded in both names."""
    return abs(named - true) <= 0.005 * true + PRINTED


@given(st.one_of(BORDERS, ANYWHERE), STEPS, STEPS, st.integers(1, 3))
def test_named_distances_are_true_ones_across_every_border(
    place: LatLon, first: tuple[float, float], step: tuple[float, float], share: int
) -> None:
    one = moved(place, *first)
    other = moved(one, *step)
    grid = grid_of_places([one] * share + [other] * 2)
    assert is_true(named_metres(one, other, grid), true_metres(one, other))


@given(ANYWHERE, STEPS, st.integers(1, 60), st.booleans())
def test_named_distances_are_true_ones_wherever_a_grid_may_go(
    place: LatLon, step: tuple[float, float], zone: int, northern: bool
) -> None:
    grid = UtmGrid(zone, northern)
    # Of the sixty zones the one or the other that is near: else nearly nothing is within.
    one = place[0], (place[1] / 9 + grid.meridian + 180) % 360 - 180
    other = moved(one, *step)
    assume(not grid.beyond([one, other]).any())
    assert is_true(named_metres(one, other, grid), true_metres(one, other))
    back = grid.places(grid.metres([one]))[0]
    assert true_metres(one, (back[0], back[1])) < 0.005


@given(ANYWHERE)
def test_in_its_own_grid_a_place_has_its_published_name(place: LatLon) -> None:
    name = name_at(*place)
    assert name_at(*place, grid=own_grid(place)) == name
    assert grid_in_name(f"images/test/queries/{name.encode()}") == own_grid(place)


@given(st.integers(1, 60), st.booleans())
def test_a_manifest_s_word_is_read_back(zone: int, northern: bool) -> None:
    grid = UtmGrid(zone, northern)
    assert recorded_grid(grid.recorded) == grid


@pytest.mark.parametrize("word", ["", "frames", "utm", "utm 0N", "utm 61N", "utm 031N", "utm 31", "UTM 31N"])
def test_other_words_are_no_grid(word: str) -> None:
    assert recorded_grid(word) is None


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("@1@2@17@T@@@@@@@@@@@.jpg", UtmGrid(17, True)),
        ("images/test/queries/@1@2@05@C@@@.jpg", UtmGrid(5, False)),
        ("@1@2@60@M@.jpg", UtmGrid(60, False)),
        ("@333491.23@6251909.21@56@S@@@@@@@@@@@.jpg", UtmGrid(56, False)),
        ("@333491.23@4251909.21@56@S@-51.8@@@@@@@@@@.jpg", UtmGrid(56, False)),
        ("@333491.23@3748114.75@56@S@033.86@@@@@@@@@@.jpg", UtmGrid(56, True)),
        ("@1@2@17@@@@@@@@@@@@.jpg", None),
        ("@1@2@@@@@@@@@@@@@.jpg", None),
        ("@1@2@61@T@.jpg", None),
        ("@1@2@17@I@.jpg", None),
        ("@1@2@.jpg", None),
    ],
)
def test_the_grid_in_a_name(name: str, grid: UtmGrid | None) -> None:
    assert grid_in_name(name) == grid


@pytest.mark.parametrize(
    ("places", "grid"),
    [
        ([(50.0, 5.9), (50.0, 6.1)], "31N"),
        ([(50.0, 5.9), (50.0, 6.1), (50.0, 6.2)], "32N"),
        ([(1.0, 5.9), (-1.0, 5.9)], "31N"),
        ([(1.0, 5.9), (-1.0, 5.9), (-1.0, 6.1)], "31S"),
        ([(-17.0, 179.9), (-17.0, -179.9)], "1S"),
        ([(60.0, 3.5)], "32N"),
        ([(0.0, 0.0)], "31N"),
    ],
)
def test_the_grid_is_that_of_most(places: list[LatLon], grid: str) -> None:
    assert str(grid_of_places(places)) == grid


def test_where_a_grid_ends() -> None:
    grid = UtmGrid(32, True)
    near = [(0.0, 14.9), (45.0, 17.4), (70.0, 26.5), (-30.0, 9.0), (84.0, 29.0), (84.0, -11.0)]
    far = [
        (0.0, 15.2),
        (45.0, 17.6),
        (70.0, 27.0),
        (84.0, 29.1),
        (84.0, -11.1),
        (0.0, -171.0),
        (84.0, -171.0),
    ]
    assert not grid.beyond(near).any()
    assert grid.beyond(far).all()
    assert UtmGrid(1, True).beyond([(0.0, 179.0), (0.0, 170.0)]).tolist() == [False, True]


def test_numbers_that_no_picture_of_a_grid_can_have_are_no_place() -> None:
    places = UtmGrid(32, True).places(
        np.array([[585_000.0, 4_477_000.0], [7.68, 4.5e6], [3e6, 1.0], [5e5, 1e300]])
    )
    assert np.isfinite(places[:2]).all()
    assert np.isnan(places[2:]).all()


def test_brought_from_a_neighbour_and_not_from_afar() -> None:
    here, there, far = UtmGrid(32, True), UtmGrid(31, True), UtmGrid(54, True)
    place = [(50.0, 6.0)]
    metres = np.concatenate([here.metres(place), there.metres(place), far.metres([(35.0, 139.0)])])
    found = brought(metres, [here, there, far], here)
    assert found[0].tolist() == metres[0].tolist()
    assert found[1] == pytest.approx(metres[0], abs=1e-3)
    assert np.isnan(found[2]).all()
