from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.vpr.retrieval.nearest_neighbours import nearest
from pipeline.vpr.retrieval.recall import RECALL_AT, recalls
from pipeline.vpr.training.examples.positives import within

GOLDEN = Path(__file__).parents[2] / "data" / "vpr" / "recall"


def test_recall_is_the_published_one() -> None:
    expected = json.loads((GOLDEN / "expected.json").read_text())
    with np.load(GOLDEN / "inputs.npz") as stored, np.load(GOLDEN / "predictions.npz") as found:
        positives = within(stored["queries_utms"], stored["database_utms"], expected["radius"])
        distances, predictions = nearest(stored["descriptors"][:300], stored["descriptors"][300:], 20)
        assert np.array_equal(predictions, found["predictions"])
        assert np.abs(distances - found["distances"]).max() < 1e-3
    result = recalls(predictions, positives)
    assert [result.percent(n) for n in RECALL_AT] == pytest.approx(expected["recalls_percent"], abs=1e-12)
    assert str(result) == expected["recalls_string"]
    assert result.queries_without_positives == len(expected["queries_without_positives"])


def test_queries_without_positives_stay_in_the_denominator() -> None:
    none = np.zeros(0, np.int64)
    result = recalls(np.array([[3, 1], [2, 0]]), [np.array([1]), none], at=(1, 2))
    assert (result.hits, result.queries, result.queries_without_positives) == ({1: 0, 2: 1}, 2, 1)
    assert str(result) == "R@1: 0.0, R@2: 50.0"


def test_missing_neighbours_are_never_right() -> None:
    assert recalls(np.array([[0, -1]]), [np.array([5])], at=(2,)).hits == {2: 0}


def test_as_many_predictions_as_queries_are_wanted() -> None:
    with pytest.raises(ValueError, match="2 rows of predictions for 1 queries"):
        recalls(np.zeros((2, 1), int), [np.array([0])], at=(1,))
    with pytest.raises(ValueError, match="0 rows"):
        recalls(np.zeros((0, 1), int), [], at=(1,))


@pytest.mark.parametrize("at", [(0, 1), (1, 3)])
def test_recall_is_taken_only_among_what_was_predicted(at: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"recall at \(., .\) of 2 predictions"):
        recalls(np.zeros((1, 2), int), [np.array([0])], at=at)
