"""The first matches of each query, and the order of examples to show: the worst, and some correct ones."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.vpr.results.predictions import Prediction

# Matches of a query that are shown.
SHOWN = 5
# One of this many examples is correct, while there are both kinds.
_ONE_RIGHT_OF = 4


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The first `SHOWN` matches of a query, nearest first, and the rank of the first correct match of all.

    first_right: from 1; None when no match is correct.
    """

    first_right: int | None
    found: tuple[Prediction, ...]

    @property
    def query(self) -> str:
        """The query's name in its dataset."""
        return self.found[0].query

    @property
    def right(self) -> bool:
        """Whether the first match is correct, as recall@1 counts."""
        return self.first_right == 1


def query_results(predictions: Iterable[Prediction]) -> list[QueryResult]:
    """The results in the order of `predictions`, in which the matches of a query are sorted by rank."""
    answers = []
    for _, found in itertools.groupby(predictions, lambda prediction: prediction.query):
        rows = list(found)
        first_right = next((row.rank for row in rows if row.correct), None)
        answers.append(QueryResult(first_right, tuple(rows[:SHOWN])))
    return answers


def worst_first(answers: Iterable[QueryResult]) -> list[QueryResult]:
    """Sort by rank of the first correct match, then by the distance of the first match; the worst first."""
    return sorted(
        answers,
        key=lambda answer: (
            -(answer.first_right or float("inf")),
            -answer.found[0].distance,
            answer.query,
        ),
    )


def examples_first(answers: Sequence[QueryResult]) -> list[QueryResult]:
    """Sort `answers` as examples: three of the worst, then a correct one, and so on.

    The correct ones are in a random order that depends only on the names of the queries, so that experiments
    on one test set show the same ones.
    """
    wrong = worst_first(answer for answer in answers if not answer.right)
    right = sorted((answer for answer in answers if answer.right), key=lambda answer: _lot(answer.query))
    ordered = []
    while wrong or right:
        ordered += wrong[: _ONE_RIGHT_OF - 1] + right[:1]
        del wrong[: _ONE_RIGHT_OF - 1], right[:1]
    return ordered


def _lot(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()
