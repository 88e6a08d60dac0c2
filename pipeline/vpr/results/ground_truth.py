"""Positions of an evaluation: where the database was taken, and the nearest database image of each query.

Two tables beside the predictions, so that a map can be drawn without the datasets. They depend only on the
test set, so all experiments have the same ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipeline.core.files import read_csv, write_csv
from pipeline.runtime.errors import DusklineError

STANDPOINTS = "standpoints.csv"
NEAREST = "nearest.csv"
_STANDPOINT = ("east", "north", "images")
_NEAREST = ("query", "database", "distance", "database_east", "database_north")


@dataclass(frozen=True)
class Nearest:
    """The database image nearest to a query: its name, position, and distance to the query in metres."""

    database: str
    east: float
    north: float
    distance: float


def write_ground_truth(
    folder: Path, database: Sequence[str], places: np.ndarray, queries: Sequence[str], asked: np.ndarray
) -> None:
    """Write both tables into `folder`, metres to the centimetre.

    database, queries: names. places (D, 2), asked (Q, 2): their positions, east and north in metres. Of
    images at the same distance, the first is used.
    """
    standpoints, first, images = np.unique(places, axis=0, return_index=True, return_counts=True)
    write_csv(
        folder / STANDPOINTS,
        _STANDPOINT,
        (
            (f"{east:.2f}", f"{north:.2f}", count)
            for (east, north), count in zip(standpoints.tolist(), images.tolist(), strict=True)
        ),
    )
    distances, nearest = cKDTree(standpoints).query(asked)
    write_csv(
        folder / NEAREST,
        _NEAREST,
        (
            (query, database[first[index]], *(f"{value:.2f}" for value in (distance, *standpoints[index])))
            for query, index, distance in zip(queries, nearest, distances, strict=True)
        ),
    )


def read_standpoints(folder: Path) -> np.ndarray:
    """East, north (metres) and number of images of each standpoint: (n, 3), float64.

    `DusklineError` names an invalid line.
    """
    path = folder / STANDPOINTS
    rows = []
    for line, row in read_csv(path, _STANDPOINT):
        try:
            rows.append([_finite(row[name]) for name in _STANDPOINT])
        except ValueError as error:
            raise DusklineError(f"{path}, line {line}: invalid standpoint: {error}") from error
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def read_nearest(folder: Path) -> dict[str, Nearest]:
    """The nearest database image of each query, by the query's name; errors as `read_standpoints`."""
    path = folder / NEAREST
    nearest = {}
    for line, row in read_csv(path, _NEAREST):
        try:
            distance, east, north = (_finite(row[name]) for name in _NEAREST[2:])
            nearest[row["query"]] = Nearest(row["database"], east, north, distance)
        except ValueError as error:
            raise DusklineError(f"{path}, line {line}: invalid nearest image: {error}") from error
    return nearest


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite")
    return value
