"""Passing over what cannot be seen must never lose what can."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.city.geometry.buildings import build_mesh
from pipeline.city.geometry.camera import Camera, Shot
from pipeline.city.geometry.visibility import Cells, candidates, hidden
from pipeline.city.layout.plan import build_city

MESH = build_mesh(build_city(2, 2, 2))
CELLS = Cells(MESH)


@settings(max_examples=30)
@given(
    st.floats(20, 220), st.floats(20, 220), st.floats(0, 360), st.floats(-15, 35), st.floats(40, 90),
    st.floats(30, 400),
)  # fmt: skip
def test_whole_squares_are_only_passed_over_when_nothing_in_them_is_seen(
    x: float, y: float, yaw: float, pitch: float, field_of_view: float, far: float
) -> None:
    camera = Camera(Shot(x, y, yaw, pitch, field_of_view), 160, 120)
    everything = candidates(camera, MESH, None, far).index
    chosen = candidates(camera, MESH, CELLS.seen(camera, far), far).index
    assert sorted(chosen.tolist()) == everything.tolist()


def test_a_surface_is_seen_from_its_front_only() -> None:
    wall = MESH.skins.index(("wall", 0, 0))
    middle, normal = MESH.centres[wall], MESH.normals[wall]
    for side, seen in ((6.0, True), (-6.0, False)):
        spot = middle + normal * side
        yaw = float(np.degrees(np.arctan2(*(middle - spot)[:2])))
        camera = Camera(Shot(float(spot[0]), float(spot[1]), yaw, field_of_view=80.0), 160, 120)
        assert (wall in candidates(camera, MESH, None, 100.0).index) == seen


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(9, 70), st.integers(9, 70))
def test_only_boxes_behind_everything_drawn_are_hidden(seed: int, width: int, height: int) -> None:
    rng = np.random.default_rng(seed)
    inverse = rng.uniform(0.2, 1.0, (height, width)).astype(np.float32)
    left, right = np.sort(rng.integers(0, width, (2, 20)), axis=0)
    top, bottom = np.sort(rng.integers(0, height, (2, 20)), axis=0)
    nearest = rng.uniform(0.1, 0.6, 20)
    found = hidden(inverse, np.column_stack([left, top, right, bottom]), nearest)
    for index in range(20):
        if found[index]:
            covered = inverse[top[index] : bottom[index] + 1, left[index] : right[index] + 1]
            assert covered.min() >= nearest[index]
    wall = np.full((height, width), 0.5, np.float32)
    assert (hidden(wall, np.column_stack([left, top, right, bottom]), nearest) == (nearest <= 0.5)).all()
