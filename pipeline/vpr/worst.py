"""Choosing the worst misses of an evaluation, and drawing small copies of their pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.files import write_bytes
from pipeline.core.pictures import small_jpeg
from pipeline.vpr.gallery import Gallery
from pipeline.vpr.judging import Judgement
from pipeline.vpr.misses import Miss, Shown

_WORST = 6
_FOUND = 5
# Pixels of the longest side.
_LONGEST = 220


def worst_misses(found: Judgement, database: Gallery, queries: Gallery, folder: Path) -> list[Miss]:
    """The worst queries whose first find is wrong, with small pictures of theirs put into `folder`.

    Worst is the query whose first right find comes last; among equals the one whose first find lies farthest
    away on the ground.
    """
    first_right = [_first_right(*pair) for pair in zip(found.predictions, found.positives, strict=True)]
    off = [_metres(queries, query, database, row[0]) for query, row in enumerate(found.predictions)]
    missed = [query for query, rank in enumerate(first_right) if rank != 1]
    missed.sort(key=lambda query: (-(first_right[query] or np.inf), -off[query], query))
    drawn = _SmallCopies(folder)

    def shown(query: int, index: int) -> Shown:
        right = bool(np.isin(index, found.positives[query]))
        picture = drawn.of(database, index)
        distance = round(_metres(queries, query, database, index), 2)
        return Shown(database.rows[index].name, picture, distance, right)

    return [
        Miss(
            queries.rows[query].name,
            drawn.of(queries, query),
            first_right[query],
            shown(query, _nearest_on_ground(queries, query, database)),
            tuple(shown(query, int(index)) for index in found.predictions[query][:_FOUND] if index >= 0),
        )
        for query in missed[:_WORST]
    ]


class _SmallCopies:
    """Copies of the shown pictures, each drawn once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drawn: dict[str, str] = {}

    def of(self, pictures: Gallery, index: int) -> str:
        row = pictures.rows[index]
        if row.name not in self._drawn:
            name = f"{len(self._drawn):03d}.jpg"
            small = small_jpeg(
                pictures.images.read(row), _LONGEST, label=f"{pictures.images.root}/{row.name}"
            )
            write_bytes(self._folder / name, small)
            self._drawn[row.name] = name
        return self._drawn[row.name]


def _first_right(predictions: np.ndarray, positives: np.ndarray) -> int | None:
    right = np.flatnonzero(np.isin(predictions, positives))
    return int(right[0]) + 1 if len(right) else None


def _metres(queries: Gallery, query: int, database: Gallery, index: int) -> float:
    one, other = queries.rows[query], database.rows[index]
    return float(np.hypot(one.east - other.east, one.north - other.north))


def _nearest_on_ground(queries: Gallery, query: int, database: Gallery) -> int:
    row = queries.rows[query]
    return int(((database.positions - (row.east, row.north)) ** 2).sum(1).argmin())
