"""The plan: streets, blocks and buildings where they belong, the same every time."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.city.layout.plan import City, build_city
from pipeline.runtime.errors import ParameterError

seeds = st.integers(0, 2**31)
sizes = st.integers(1, 4)


def _inside(corners: np.ndarray, point: np.ndarray) -> bool:
    return cv2.pointPolygonTest(corners.astype(np.float32), point.tolist(), False) > 0


def _spots(city: City) -> list[np.ndarray]:
    """Places on the road and on both pavements, half a metre off the fronts."""
    spots = []
    for street in city.streets:
        edge = street.width / 2 - 0.5
        for along in np.linspace(street.start_gap, street.length - street.end_gap, 6):
            spots += [street.at(float(along), right) for right in (-edge, 0.0, edge)]
    return spots


@settings(max_examples=15)
@given(seeds, sizes, sizes)
def test_streets_lie_within_the_extent_and_join_up(seed: int, east: int, north: int) -> None:
    city = build_city(seed, east, north)
    assert len(city.streets) == east * (north + 1) + north * (east + 1)
    ends = np.array([[s.x0, s.y0, s.x1, s.y1] for s in city.streets])
    assert (ends > 0).all()
    assert (ends[:, [0, 2]] < city.extent[0]).all() and (ends[:, [1, 3]] < city.extent[1]).all()
    crossings = {tuple(end) for end in np.concatenate([ends[:, :2], ends[:, 2:]]).tolist()}
    assert len(crossings) == (east + 1) * (north + 1)
    for street in city.streets:
        assert 60 <= street.length <= 130
        assert 16 <= street.width <= 21


@settings(max_examples=10)
@given(seeds)
def test_no_building_stands_on_a_street(seed: int) -> None:
    city = build_city(seed, 2, 2)
    spots = np.array(_spots(city))
    for building in city.buildings:
        low, high = building.corners.min(0), building.corners.max(0)
        for spot in spots[((spots > low) & (spots < high)).all(1)]:
            assert not _inside(building.corners, spot), (building.key, spot)


@settings(max_examples=10)
@given(seeds)
def test_buildings_have_the_sizes_of_buildings_and_lie_within_the_extent(seed: int) -> None:
    city = build_city(seed, 2, 1)
    for building in city.buildings:
        assert 4 < building.width < 20
        assert building.height == 0 if building.kind == "park" else 4 < building.height < 60
        assert (building.corners > 0).all() and (building.corners < city.extent).all()
    keys = [building.key for building in city.buildings]
    assert keys == list(range(len(keys)))


def test_every_side_of_every_street_is_built_up() -> None:
    city = build_city(4, 2, 2)
    fronts = np.array([(b.corners[0] + b.corners[1]) / 2 for b in city.buildings])
    for street in city.streets:
        for side in (-1, 1):
            middle = street.at(street.length / 2, side * street.width / 2)
            assert np.hypot(*(fronts - middle).T).min() < 12


def test_the_same_seed_plans_the_same_city_and_another_seed_another() -> None:
    first, again, other = build_city(5, 2, 3), build_city(5, 2, 3), build_city(6, 2, 3)
    assert first.streets == again.streets
    assert first.streets != other.streets
    for one, two in zip(first.buildings, again.buildings, strict=True):
        assert (one.corners == two.corners).all()
        assert (one.kind, one.wall, one.colour, one.roof) == (two.kind, two.wall, two.colour, two.roof)
    assert (first.kerbside.lamps == again.kerbside.lamps).all()


def test_lamps_and_trees_stand_on_the_pavement() -> None:
    city = build_city(7, 2, 2)
    feet = np.concatenate([city.kerbside.lamps[:, :2], city.kerbside.trees[:, :2]])
    for foot in feet:
        across = []
        for street in city.streets:
            way = foot - np.array([street.x0, street.y0])
            along = float(way @ street.direction)
            if 0 <= along <= street.length:
                side = street.direction[0] * way[1] - street.direction[1] * way[0]
                across.append((abs(float(side)), street))
        distance, street = min(across, key=lambda item: item[0])
        assert street.carriageway / 2 < distance < street.width / 2


@pytest.mark.parametrize(("east", "north"), [(0, 1), (1, 0), (-2, 3)])
def test_a_city_without_blocks_is_refused(east: int, north: int) -> None:
    with pytest.raises(ParameterError, match=f"at least 1 x 1 blocks, found {east} x {north}"):
        build_city(1, east, north)
