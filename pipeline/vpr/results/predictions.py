"""The predictions of each query as a CSV table."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pipeline.core.files import read_csv, write_csv
from pipeline.runtime.errors import DusklineError

# In the folder of the evaluation.
PREDICTIONS = "predictions.csv"


@dataclass(frozen=True, slots=True)
class Prediction:
    """One database image found for one query.

    query, database: names in their dataset. rank: from 1. distance: between their positions, in metres or
    frames, as the test set counts. feature_distance: squared L2 distance of the descriptors. correct: whether
    `distance` is within the radius.
    """

    query: str
    rank: int
    database: str
    distance: float
    feature_distance: float
    correct: bool
    query_east: float
    query_north: float
    database_east: float
    database_north: float


_HEADER = tuple(field.name for field in fields(Prediction))


def write_predictions(path: Path, predictions: Iterable[Prediction]) -> None:
    """Write the table; distances with three decimals, feature distances with six digits."""
    write_csv(path, _HEADER, map(_cells, predictions))


def read_predictions(path: Path) -> Iterator[Prediction]:
    """Read the table; `DusklineError` names an invalid line."""
    for line, row in read_csv(path, _HEADER):
        try:
            # The same images are found again and again: a large project has a million matches.
            yield Prediction(
                sys.intern(row["query"]),
                int(row["rank"]),
                sys.intern(row["database"]),
                float(row["distance"]),
                float(row["feature_distance"]),
                {"1": True, "0": False}[row["correct"]],
                *(float(row[name]) for name in _HEADER[6:]),
            )
        except (ValueError, KeyError) as error:
            raise DusklineError(f"{path}, line {line}: invalid prediction: {error}") from error


def _cells(prediction: Prediction) -> list[str]:
    query, rank, database, distance, feature_distance, correct, *positions = astuple(prediction)
    return [
        *(query, str(rank), database, f"{distance:.3f}", f"{feature_distance:.6g}", str(int(correct))),
        *(f"{value:.2f}" for value in positions),
    ]
