from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import SetError
from pipeline.vpr.positives import Places, Times

DATA = Path(__file__).parents[1] / "data" / "vpr"


def test_hard_and_soft_positives_of_kept_queries_are_the_published_ones() -> None:
    expected = json.loads((DATA / "mining" / "expected.json").read_text())
    with np.load(DATA / "mining" / "inputs.npz") as stored:
        places = Places(stored["database_utms"], stored["queries_utms"], 10, 25)
    assert places.kept.tolist() == expected["kept_original_query_ids"]
    assert [found.tolist() for found in places.hard] == expected["hard_positives_per_kept_query"]
    assert [found.tolist() for found in places.soft] == expected["soft_positives_per_kept_query"]


def test_a_set_without_any_pair_is_refused() -> None:
    with pytest.raises(SetError, match="none of the 1 queries has a database image within 10 m"):
        Places(np.array([[0.0, 0.0]]), np.array([[11.0, 0.0]]))


# Two places with a day and a night image each; the queries are a day and a night of the first, a night of the
# second.
QUERIES = np.array([[0.0, 1.0], [0.0, 2.0], [100.0, 1.0]])
DATABASE = np.array([[0.0, 0.0], [0.0, 0.0], [100.0, 0.0], [100.0, 0.0]])
NIGHT_QUERIES = np.array([False, True, True])
NIGHT_DATABASE = np.array([False, True, False, True])


@pytest.mark.parametrize(
    ("rule", "hard"),
    [
        ("any", [[0, 1], [0, 1], [2, 3]]),
        ("same", [[0], [1], [3]]),
        ("across", [[1], [0], [2]]),
        ("day", [[0], [0], [2]]),
    ],
)
def test_positives_are_of_the_times_that_the_rule_allows(rule: Any, hard: list) -> None:
    places = Places(DATABASE, QUERIES, times=Times(NIGHT_QUERIES, NIGHT_DATABASE, rule))
    assert [found.tolist() for found in places.hard] == hard
    # What is near is no negative, of whatever time.
    assert [found.tolist() for found in places.soft] == [[0, 1], [0, 1], [2, 3]]


def test_a_query_without_a_positive_of_the_allowed_time_is_not_kept() -> None:
    days = np.zeros(4, bool)
    places = Places(DATABASE, QUERIES, times=Times(NIGHT_QUERIES, days, "across"))
    assert places.kept.tolist() == [1, 2]
    with pytest.raises(SetError, match="none of the 1 queries has a database image within 10 m of the other"):
        Places(DATABASE, QUERIES[:1], times=Times(NIGHT_QUERIES[:1], days, "across"))
