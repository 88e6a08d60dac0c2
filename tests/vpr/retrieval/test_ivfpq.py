from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from pipeline.vpr.retrieval import descriptor_io
from pipeline.vpr.retrieval.ivfpq import IvfPq
from pipeline.vpr.retrieval.nearest_neighbours import nearest, search_plan

PLACES, VIEWS, LENGTH = 1500, 8, 32


def described(seed: int, places: np.ndarray) -> np.ndarray:
    """Views of places: one point for each place, and noise for each view."""
    points = np.random.default_rng(1).normal(size=(PLACES, LENGTH))
    noise = np.random.default_rng(seed).normal(size=(len(places), LENGTH))
    return (points[places] + 0.3 * noise).astype(np.float32)


DATABASE = described(2, np.arange(PLACES * VIEWS) % PLACES)
QUERIES = described(3, np.arange(200))
PLAN = IvfPq.of(*DATABASE.shape)


@pytest.fixture(scope="module")
def found() -> tuple[np.ndarray, np.ndarray]:
    return nearest(DATABASE, QUERIES, 10, PLAN)


def test_hardly_a_neighbour_is_missed(found: tuple[np.ndarray, np.ndarray]) -> None:
    exact = nearest(DATABASE, QUERIES, 10)
    shared = [len(set(one) & set(other)) / 10 for one, other in zip(found[1], exact[1], strict=True)]
    assert np.mean(shared) > 0.95
    assert np.mean(found[1][:, 0] == exact[1][:, 0]) > 0.95


def test_what_is_found_is_at_its_true_distance_nearest_first(found: tuple[np.ndarray, np.ndarray]) -> None:
    distances, indexes = found
    assert (distances.dtype, indexes.dtype) == (np.float32, np.int64)
    true = np.square(DATABASE[indexes] - QUERIES[:, None]).sum(2)
    assert np.allclose(distances, true, rtol=1e-5)
    assert (np.diff(distances, axis=1) >= 0).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_every_run_finds_the_same_whatever_the_threads(
    found: tuple[np.ndarray, np.ndarray], threads: int
) -> None:
    before = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(threads)
        again = nearest(DATABASE, QUERIES, 10, PLAN)
    finally:
        faiss.omp_set_num_threads(before)
    assert [one.tobytes() for one in found] == [other.tobytes() for other in again]


def test_the_pieces_in_which_a_map_is_read_change_nothing(
    found: tuple[np.ndarray, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "database.npy", DATABASE)
    monkeypatch.setattr(descriptor_io, "PIECE", 1000)
    again = nearest(np.load(tmp_path / "database.npy", mmap_mode="r"), QUERIES, 10, PLAN)
    assert [one.tobytes() for one in found] == [other.tobytes() for other in again]


def test_where_the_lists_hold_too_few_minus_one_follows() -> None:
    plan = IvfPq(lists=256, probed=1, code_bytes=4, ranked_again=1)
    distances, indexes = nearest(DATABASE, QUERIES[:3], 200, plan)
    missing = indexes < 0
    assert missing[:, -1].all() and not missing[:, 0].any()
    assert np.isposinf(distances[missing]).all() and np.isfinite(distances[~missing]).all()


@pytest.mark.parametrize(
    ("size", "length", "wanted"),
    [
        (1_000_000, 512, IvfPq(1024, 128, 64)),
        (500_001, 16_384, IvfPq(512, 64, 128)),
        (10_001, 256, IvfPq(128, 16, 32)),
        (20_000, 100, IvfPq(128, 16, 10)),
        (20_000, 7, IvfPq(128, 16, 1)),
    ],
)
def test_an_index_is_sized_by_its_database(size: int, length: int, wanted: IvfPq) -> None:
    assert IvfPq.of(size, length) == wanted
    assert length % wanted.code_bytes == 0


def test_it_is_told_in_words() -> None:
    plan = search_plan(DATABASE, 10_000)
    assert plan is not None
    assert plan.words == (
        "IVF-PQ search (128 lists, 16 probed, 4 bytes a descriptor, 10 candidates a neighbour ranked again"
        " exactly)"
    )
