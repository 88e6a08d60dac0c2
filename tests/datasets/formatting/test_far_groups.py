from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from pipeline.datasets.formatting.far_groups import FAR, far_groups

KILOMETRES = st.integers(-1000, 1000)


def as_scipy(positions: np.ndarray, step: float) -> set[frozenset[int]]:
    labels = fcluster(linkage(pdist(positions), "single"), step, "distance")
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels)}


@given(st.lists(st.tuples(KILOMETRES, KILOMETRES), min_size=2, max_size=60))
def test_groups_are_those_of_single_linkage(places: list[tuple[int, int]]) -> None:
    positions = np.array(places) * 1000.0
    found = [set(group.tolist()) for group in far_groups(positions)]
    assert sorted(index for group in found for index in group) == list(range(len(places)))
    assert [len(group) for group in found] == sorted(map(len, found), reverse=True)
    # As far as squares of five kilometres tell.
    for one in as_scipy(positions, FAR - 7_100):
        assert any(one <= group for group in found)
    for group in found:
        assert any(group <= one for one in as_scipy(positions, FAR + 7_100))


def test_one_position_is_one_group() -> None:
    assert [group.tolist() for group in far_groups(np.array([[5e5, 4e6]]))] == [[0]]
