"""The camera: which way is which, and clipping at the lens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.city.geometry.camera import NEAR, Camera, Shot, clip_polygon


@pytest.mark.parametrize(
    ("yaw", "ahead", "right"),
    [(0.0, (0, 1), (1, 0)), (90.0, (1, 0), (0, -1)), (180.0, (0, -1), (-1, 0)), (270.0, (-1, 0), (0, 1))],
)
def test_yaw_is_clockwise_from_north(yaw: float, ahead: tuple[int, int], right: tuple[int, int]) -> None:
    camera = Camera(Shot(5.0, 6.0, yaw), 320, 240)
    points = camera.position + np.array([[*ahead, 0.0], [*right, 0.0]]) * 10
    assert np.allclose(camera.to_camera(points), [[0, 0, 10], [10, 0, 0]], atol=1e-9)


def test_pitch_looks_up_and_the_field_of_view_spans_the_width() -> None:
    camera = Camera(Shot(0.0, 0.0, 0.0, 90.0 - 1e-9, field_of_view=80.0), 320, 240)
    assert np.allclose(camera.to_camera(camera.position + np.array([0, 0, 7.0])), [0, 0, 7], atol=1e-6)
    level = Camera(Shot(0.0, 0.0, 0.0, field_of_view=80.0), 320, 240)
    edge = level.position + np.array([np.tan(np.radians(40)) * 10, 10.0, 0.0])
    x, y = level.to_screen(level.to_camera(edge))
    assert (x, y) == (pytest.approx(319.5), pytest.approx(119.5))


coordinates = st.floats(-30, 30)


@settings(max_examples=60)
@given(st.lists(st.tuples(coordinates, coordinates, coordinates), min_size=4, max_size=4))
def test_what_is_left_after_clipping_lies_in_front_of_the_lens_and_in_view(
    corners: list[tuple[float, ...]],
) -> None:
    camera = Camera(Shot(0.0, 0.0, 0.0), 64, 48)
    clipped = clip_polygon(np.array(corners), camera)
    if len(clipped):
        assert (clipped[:, 2] >= NEAR - 1e-9).all()
        screen = camera.to_screen(clipped)
        assert (np.abs(screen - (31.5, 23.5)) <= (36.1, 28.1)).all()


def test_a_polygon_in_view_is_not_changed_and_one_behind_vanishes() -> None:
    camera = Camera(Shot(0.0, 0.0, 0.0), 64, 48)
    square = np.array([[-1.0, -1.0, 5.0], [1.0, -1.0, 5.0], [1.0, 1.0, 5.0], [-1.0, 1.0, 5.0]])
    assert sorted(clip_polygon(square, camera).tolist()) == sorted(square.tolist())
    assert clip_polygon(square * (1, 1, -1), camera).shape == (0, 3)
