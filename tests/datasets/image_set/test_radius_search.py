from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.image_set.radius_search import within

DATA = Path(__file__).parents[2] / "data" / "vpr"


def test_positives_of_the_test_are_the_published_ones() -> None:
    expected = json.loads((DATA / "recall" / "expected.json").read_text())
    with np.load(DATA / "recall" / "inputs.npz") as stored:
        found = within(stored["queries_utms"], stored["database_utms"], 25)
    assert [indexes.tolist() for indexes in found] == expected["positives_per_query"]


def test_the_radius_itself_counts_at_real_coordinates() -> None:
    query = np.array([[584_000.0, 4_477_000.0]])
    database = query + np.array([[15.0, 20.0], [15.0, 20.01], [7.0, 24.0], [0.0, 0.0]])
    assert within(query, database, 25)[0].tolist() == [0, 2, 3]


grid = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=30)


@given(grid, grid, st.integers(1, 40))
def test_within_is_what_comparing_all_pairs_gives(queries: list, database: list, radius: int) -> None:
    found = within(np.array(queries, float), np.array(database, float), radius)
    for (x, y), indexes in zip(queries, found, strict=True):
        near = [i for i, (a, b) in enumerate(database) if (a - x) ** 2 + (b - y) ** 2 <= radius**2]
        assert indexes.tolist() == near
