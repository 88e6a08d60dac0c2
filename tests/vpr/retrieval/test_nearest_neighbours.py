from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.retrieval import descriptor_io
from pipeline.vpr.retrieval.nearest_neighbours import nearest, search_plan

RNG = np.random.default_rng(5)
DATABASE = RNG.normal(size=(50, 8)).astype(np.float32)
QUERIES = RNG.normal(size=(7, 8)).astype(np.float32)


def test_search_is_exact_and_gives_squared_distances() -> None:
    distances, indexes = nearest(DATABASE, QUERIES, 5)
    every = np.square(QUERIES[:, None] - DATABASE[None]).sum(2)
    assert np.array_equal(indexes, np.argsort(every, axis=1)[:, :5])
    assert np.allclose(distances, np.sort(every, axis=1)[:, :5], atol=1e-4)


def test_a_small_database_is_followed_by_minus_one() -> None:
    distances, indexes = nearest(DATABASE[:3], QUERIES, 5)
    assert (indexes[:, 3:] == -1).all()
    assert np.isposinf(distances[:, 3:]).all() and np.isfinite(distances[:, :3]).all()
    assert (np.sort(indexes[:, :3]) == [0, 1, 2]).all()


@pytest.mark.parametrize("name", ["database", "queries"])
def test_descriptors_that_are_no_numbers_are_refused(name: str) -> None:
    arrays = {"database": DATABASE.copy(), "queries": QUERIES.copy()}
    arrays[name][2, 1] = np.nan
    with pytest.raises(DusklineError, match=f"1 of .* descriptors of the {name} are not finite"):
        nearest(arrays["database"], arrays["queries"], 3)


@pytest.mark.parametrize(
    ("database", "queries", "count", "message"),
    [
        (DATABASE, QUERIES, 0, "expected at least 1 neighbour, not 0"),
        (DATABASE[:0], QUERIES, 1, "has no descriptors"),
        (DATABASE, QUERIES[:, :4], 1, r"\(50, 8\) and the queries \(7, 4\) do not match"),
        (DATABASE[0], QUERIES, 1, "do not match"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    database: np.ndarray, queries: np.ndarray, count: int, message: str
) -> None:
    with pytest.raises(DusklineError, match=message):
        nearest(database, queries, count)


def test_equally_near_rows_come_in_their_order() -> None:
    _, indexes = nearest(np.repeat(DATABASE, 3, axis=0), QUERIES, 6)
    assert (np.diff(indexes.reshape(-1, 2, 3), axis=2) == 1).all()


@pytest.mark.parametrize("queries", [5, 200])  # faiss takes another way from 20 queries on
def test_threads_change_nothing(queries: int) -> None:
    database = RNG.normal(size=(3000, 64)).astype(np.float32)
    asked = RNG.normal(size=(queries, 64)).astype(np.float32)
    before = faiss.omp_get_max_threads()
    try:
        found = []
        for threads in (1, 2, 4):
            faiss.omp_set_num_threads(threads)
            found.append(nearest(database, asked, 20))
    finally:
        faiss.omp_set_num_threads(before)
    for distances, indexes in found[1:]:
        assert np.array_equal(distances, found[0][0]) and np.array_equal(indexes, found[0][1])


def test_a_memory_map_is_searched_as_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "database.npy", DATABASE)
    mapped = np.load(tmp_path / "database.npy", mmap_mode="r")
    for found, wanted in zip(nearest(mapped, QUERIES, 5), nearest(DATABASE, QUERIES, 5), strict=True):
        assert found.tobytes() == wanted.tobytes()


def test_a_bad_descriptor_is_found_in_every_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptor_io, "PIECE", 16)
    database = DATABASE.copy()
    database[[0, 15, 16, 49], 0] = np.inf
    with pytest.raises(DusklineError, match="4 of 50 descriptors of the database are not finite"):
        nearest(database, QUERIES, 3)


@pytest.mark.parametrize(("above", "exact"), [(None, True), (50, True), (49, False)])
def test_only_a_database_above_the_limit_is_searched_by_an_index(above: int | None, exact: bool) -> None:
    assert (search_plan(DATABASE, above) is None) == exact
