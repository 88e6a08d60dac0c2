"""Which places look alike, and batches of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.vpr.training.examples.similar_places import group_similar, similar_places


def test_the_most_similar_beyond_the_radius_come_first() -> None:
    descriptors = np.array([[0.0], [0.1], [0.3], [0.7], [5.0]], np.float32)
    # The second shows the place of the first.
    positions = np.array([[0, 0], [10, 0], [100, 0], [200, 0], [300, 0]], float)
    similar = similar_places(descriptors, positions, 25)
    assert similar.dtype == np.int32
    assert similar[:, :4].tolist() == [[2, 3, 4, -1], [2, 3, 4, -1], [1, 0, 3, 4], [2, 1, 0, 4], [3, 2, 1, 0]]
    assert (similar[:, 4:] == -1).all()


def test_groups_hold_similar_places_once_each() -> None:
    # 0 and 1 look alike, so do 2 and 3; 4 looks like 0, which is no longer free.
    similar = np.array([[1, 2], [0, -1], [3, -1], [2, -1], [0, -1]], np.int32)
    ordered = group_similar(np.array([0, 4, 2, 1, 3]), similar, 2, np.random.default_rng(0)).tolist()
    groups = {frozenset(ordered[place : place + 2]) for place in (ordered.index(0), ordered.index(2))}
    assert sorted(ordered) == [0, 1, 2, 3, 4]
    assert groups == {frozenset({0, 1}), frozenset({2, 3})}


def test_what_was_not_drawn_is_in_no_group() -> None:
    similar = np.array([[1, 2], [0, 2], [1, 0]], np.int32)
    assert sorted(group_similar(np.array([2, 0]), similar, 3, np.random.default_rng(0))) == [0, 2]


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 5))
def test_every_drawn_query_comes_once(count: int, size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    similar = similar_places(
        rng.standard_normal((count, 3)).astype(np.float32), 100 * rng.standard_normal((count, 2)), 25
    )
    drawn = rng.choice(count, rng.integers(1, count + 1), replace=False)
    assert sorted(group_similar(drawn, similar, size, rng)) == sorted(drawn)
