"""What was answered to each query, in short, and which answers tell most: the worst, and some right ones."""

from __future__ import annotations

import hashlib
import itertools
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.vpr.results.predictions import Prediction

# Finds of an answer that are looked at.
SHOWN = 5
# Of so many answers in the telling order one is right, as long as there are both.
_ONE_RIGHT_OF = 4


@dataclass(frozen=True, slots=True)
class Match:
    """A database image that was found: its name, whether it is right, and where it was taken (UTM metres).

    distance: metres to the query on the ground. feature_distance: squared L2 distance of the descriptors.
    """

    database: str
    east: float
    north: float
    distance: float
    feature_distance: float
    right: bool


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The first `SHOWN` finds of a query, nearest first, and the rank of the first right one of all.

    query: its name in the set. east, north: UTM metres. first_right: from 1; None when no find was right.
    """

    query: str
    east: float
    north: float
    first_right: int | None
    found: tuple[Match, ...]

    @property
    def right(self) -> bool:
        """Whether the first find was right, as recall@1 counts."""
        return self.first_right == 1


def query_results(predictions: Iterable[Prediction]) -> list[QueryResult]:
    """The answers in the order of `predictions`, in which the finds of a query follow each other by rank."""
    answers = []
    for query, found in itertools.groupby(predictions, lambda prediction: prediction.query):
        rows = list(found)
        first_right = next((row.rank for row in rows if row.correct), None)
        shown = tuple(map(_find, rows[:SHOWN]))
        answers.append(QueryResult(query, rows[0].query_east, rows[0].query_north, first_right, shown))
    return answers


def _find(row: Prediction) -> Match:
    # The same images are found again and again: a large project has a million finds.
    name = sys.intern(row.database)
    return Match(name, row.database_east, row.database_north, row.distance, row.feature_distance, row.correct)


def worst_first(answers: Iterable[QueryResult]) -> list[QueryResult]:
    """Sort by how late the first right find came, then by how far off the first find was on the ground."""
    return sorted(
        answers,
        key=lambda answer: (
            -(answer.first_right or float("inf")),
            -answer.found[0].distance,
            answer.query,
        ),
    )


def examples_first(answers: Sequence[QueryResult]) -> list[QueryResult]:
    """All of `answers`, so that any number from the start tells most: three of the worst, then a right one.

    The right ones come in an order by lot that depends on the names of the queries alone, so that experiments
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
