from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import DusklineError
from pipeline.vpr.search import nearest

RNG = np.random.default_rng(5)
DATABASE = RNG.normal(size=(50, 8)).astype(np.float32)
QUERIES = RNG.normal(size=(7, 8)).astype(np.float32)


def test_search_is_exact_and_gives_squared_distances() -> None:
    distances, indexes = nearest(DATABASE, QUERIES, 5)
    every = np.square(QUERIES[:, None] - DATABASE[None]).sum(2)
    assert np.array_equal(indexes, np.argsort(every, axis=1)[:, :5])
    assert np.allclose(distances, np.sort(every, axis=1)[:, :5], atol=1e-4)


def test_a_small_database_is_followed_by_minus_one() -> None:
    _, indexes = nearest(DATABASE[:3], QUERIES, 5)
    assert (indexes[:, 3:] == -1).all()
    assert (np.sort(indexes[:, :3]) == [0, 1, 2]).all()


@pytest.mark.parametrize("name", ["database", "queries"])
def test_descriptors_that_are_no_numbers_are_refused(name: str) -> None:
    arrays = {"database": DATABASE.copy(), "queries": QUERIES.copy()}
    arrays[name][2, 1] = np.nan
    with pytest.raises(DusklineError, match=f"1 of .* descriptors of the {name} are not finite"):
        nearest(arrays["database"], arrays["queries"], 3)
