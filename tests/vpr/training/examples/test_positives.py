from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.runtime.errors import SetError
from pipeline.vpr.training.examples.positives import Places

DATA = Path(__file__).parents[3] / "data" / "vpr"


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
