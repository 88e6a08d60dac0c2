"""Mining against the published draws, and what must hold for any draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.runtime.errors import SetError
from pipeline.vpr.training.examples.mining import Miner, Round
from pipeline.vpr.training.examples.positives import Places

GOLDEN = Path(__file__).parents[3] / "data" / "vpr" / "mining"
DATABASE = 120


class Recorded:
    """Hands out recorded draws in turn and keeps what was asked for."""

    def __init__(self, *draws: list[int]) -> None:
        self.draws = list(draws)
        self.calls: list[tuple[int, int]] = []

    def choice(self, a: int, size: int, *, replace: bool) -> np.ndarray:
        assert not replace
        self.calls.append((a, size))
        return np.array(self.draws.pop(0))


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())
    return document


@pytest.fixture(scope="module")
def places() -> Places:
    with np.load(GOLDEN / "inputs.npz") as stored:
        return Places(stored["database_utms"], stored["queries_utms"])


@pytest.fixture(scope="module")
def features() -> np.ndarray:
    with np.load(GOLDEN / "inputs.npz") as stored:
        return stored["features_after_drop"]


def select(miner: Miner, mining: Round, features: np.ndarray, memory: Any = ()) -> tuple[list, list]:
    rows, memory = miner.select(
        mining, features[mining.database], features[DATABASE + mining.queries], memory
    )
    return rows.tolist(), memory


def test_partial_mining_is_the_published_one(expected: dict, places: Places, features: np.ndarray) -> None:
    wanted = expected["partial"]
    draws = Recorded(wanted["sampled_queries"], wanted["sampled_database"])
    miner = Miner(places, "partial", 10, 40)
    mining = miner.plan(draws, 12)
    assert draws.calls == [(call["population"], call["size"]) for call in wanted["random_calls"]]
    needed = [*mining.database.tolist(), *(DATABASE + mining.queries).tolist()]
    assert needed == wanted["cached_indexes_in_order"]
    assert select(miner, mining, features) == (wanted["triplets"], [])


def test_too_few_negatives_repeat_the_last_of_the_pool(
    expected: dict, places: Places, features: np.ndarray
) -> None:
    wanted = expected["partial_too_few_negatives"]
    miner = Miner(places, "partial", 10, 6)
    mining = miner.plan(Recorded(wanted["sampled_queries"], wanted["sampled_database"]), 4)
    assert select(miner, mining, features)[0] == wanted["triplets"]


def test_full_mining_remembers_the_hardest_of_the_round_before(
    expected: dict, places: Places, features: np.ndarray
) -> None:
    miner = Miner(places, "full", 10, len(expected["full_two_rounds"][0]["sampled_database_per_query"][0]))
    memory: list[np.ndarray] = []
    for wanted in expected["full_two_rounds"]:
        draws = Recorded(wanted["sampled_queries"], *wanted["sampled_database_per_query"])
        mining = miner.plan(draws, len(wanted["sampled_queries"]), memory)
        rows, memory = select(miner, mining, features, memory)
        assert rows == wanted["triplets"]


def test_random_mining_is_the_published_one(expected: dict, places: Places, features: np.ndarray) -> None:
    wanted = expected["random"]
    miner = Miner(places, "random", 10, 40)
    mining = miner.plan(Recorded(wanted["sampled_queries"], *wanted["drawn_per_query"]), 6)
    needed = [*mining.database.tolist(), *(DATABASE + mining.queries).tolist()]
    assert needed == wanted["cached_indexes_in_order"]
    assert select(miner, mining, features)[0] == wanted["triplets"]


def test_best_positive_is_the_nearest_hard_one(expected: dict, places: Places, features: np.ndarray) -> None:
    miner = Miner(places, "partial", 10, DATABASE)
    mining = miner.plan(np.random.default_rng(3), len(places.kept))
    rows, _ = select(miner, mining, features)
    assert {row[0]: row[1] for row in rows} == dict(enumerate(expected["best_positive_per_query"]))


def test_pairs_are_queries_and_their_best_positives(
    expected: dict, places: Places, features: np.ndarray
) -> None:
    miner = Miner(places, None, 0, 0)
    mining = miner.pairs(np.arange(len(places.kept)))
    rows, memory = select(miner, mining, features)
    assert dict(rows) == dict(enumerate(expected["best_positive_per_query"]))
    assert memory == []
    # Nothing else is described.
    assert mining.database.tolist() == sorted({int(image) for found in places.hard for image in found})


@pytest.mark.parametrize("kind", ["partial", "full", "random"])
@pytest.mark.parametrize("seed", range(5))
def test_negatives_lie_beyond_the_soft_radius(
    kind: Any, seed: int, places: Places, features: np.ndarray
) -> None:
    miner = Miner(places, kind, 5, 60)
    mining = miner.plan(np.random.default_rng(seed), 10)
    for query, positive, *negatives in select(miner, mining, features)[0]:
        assert positive in places.hard[query]
        assert len(set(negatives)) == 5
        assert not set(negatives) & set(places.soft[query].tolist())


def test_a_query_whose_draw_lies_all_near_it_is_an_error_in_words() -> None:
    close = Places(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[0.0, 1.0]]))
    with pytest.raises(SetError, match="query 0 has no negative among the 2 database images drawn"):
        Miner(close, "partial", 1, 2).plan(np.random.default_rng(0), 1)


@given(st.sampled_from(["partial", "full", "random"]), st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_negatives_are_far_and_distinct_in_any_world_with_enough_of_them(
    kind: Any, seed: int, negatives: int
) -> None:
    rng = np.random.default_rng(seed)
    far = rng.uniform(200, 400, (negatives, 2))
    database = np.concatenate([rng.uniform(0, 100, (30, 2)), far])
    queries = database[:10] + rng.uniform(-6, 6, (10, 2))
    features = rng.normal(size=(len(database) + 10, 4)).astype(np.float32)
    world = Places(database, queries)
    miner = Miner(world, kind, negatives, len(database))
    memory: list[np.ndarray] = []
    for _ in range(2):
        mining = miner.plan(rng, len(world.kept), memory)
        seen = features[len(database) + world.kept[mining.queries]]
        rows, memory = miner.select(mining, features[mining.database], seen, memory)
        assert rows.shape == (len(world.kept), 2 + negatives)
        for query, _, *chosen in rows:
            offsets = database[chosen] - queries[world.kept[query]]
            assert (np.hypot(*offsets.T) > 25).all()
            assert len(set(chosen)) == negatives
