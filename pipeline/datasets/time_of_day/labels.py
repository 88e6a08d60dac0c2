"""Which queries were taken by day, at sunset, by night: from the dataset, from brightness, or by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.files import write_csv
from pipeline.datasets.image_set.image_set import TIMES_OF_DAY, ImageRow
from pipeline.datasets.listings.listed_names import ListedNames
from pipeline.datasets.listings.same_pictures import SamePictures
from pipeline.datasets.listings.tables import read_table
from pipeline.datasets.time_of_day.brightness_classifier import Guess
from pipeline.runtime.errors import SetError, UserError, listed

TIMES_FILE = "times_of_day.csv"
_HEADER = ("name", "time_of_day", "label_from", "certainty")
# Columns that a list of corrections must have, and those that a copy of times_of_day.csv also has.
_CORRECTIONS = (_HEADER[:2], _HEADER[2:])

_OF_LETTER = {"D": "day", "S": "sunset", "N": "night"}
# Tokyo 24/7 photographs every place by day, at sunset and by night, numbered in this order from 1 on.
_OF_REMAINDER = {1: "day", 2: "sunset", 0: "night"}
# Formatted datasets keep the number in the pano_id field, with the suffix: `@00399.jpg@`. The number of a
# Pittsburgh panorama has no suffix, and says nothing about the time.
_NUMBERED = re.compile(r"(\d+)\.jpg", re.ASCII)
_PANO_ID_FIELD = 7
# As published, 1 to 1125; the numbers of cameras, which say nothing about the time, look different.
_DIGITS, _LAST_NUMBER = 5, 1125


@dataclass(frozen=True, slots=True)
class TimeLabel:
    """The time of day of one query, and its origin: "manifest", "number", "brightness" or "hand".

    certainty: of a guess from brightness, 0 to 1; None for other origins.
    """

    name: str
    time_of_day: str
    label_from: str
    certainty: float | None = None


def time_of_letter(letter: str) -> str:
    """The time of day for D, S or N in the CSV of a query; `SetError` for anything else."""
    try:
        return _OF_LETTER[letter.strip()]
    except KeyError as error:
        raise SetError(f"the time of day must be the letter D, S or N, not {letter!r}") from error


def time_of_number(number: int) -> str:
    """The time of day of Tokyo 24/7's query `number` (1, 2, ...), from its remainder by 3."""
    return _OF_REMAINDER[number % 3]


def time_in_name(name: str) -> str:
    """The time of day that the published number in a formatted name implies (`...@00399.jpg@...`), or ""."""
    digits = _digits_in_name(name)
    if len(digits) != _DIGITS or not 1 <= int(digits) <= _LAST_NUMBER:
        return ""
    return time_of_number(int(digits))


def number_in_name(name: str) -> int | None:
    """The number of a Tokyo 24/7 query in a formatted name, if it has one, with or without leading zeros."""
    digits = _digits_in_name(name)
    return int(digits) if digits else None


def _digits_in_name(name: str) -> str:
    fields = name.split("@")
    numbered = _NUMBERED.fullmatch(fields[_PANO_ID_FIELD]) if len(fields) > _PANO_ID_FIELD else None
    return numbered[1] if numbered else ""


def label_queries(
    queries: Iterable[ImageRow],
    corrections: Path | None,
    guess: Callable[[ImageRow], Guess] | None = None,
) -> list[TimeLabel]:
    """Label every query, in order of names.

    The label is the first that exists: in the list `corrections`, in the manifest, by the number in the name,
    or from `guess`, if it is given. Raises `SetError` with the queries that have no label.
    """
    rows = sorted(queries, key=lambda row: row.name)
    by_hand = read_corrections(corrections, {row.name for row in rows}) if corrections else {}
    labels = [_label(row, by_hand, guess) for row in rows]
    unlabelled = [label.name for label in labels if not label.time_of_day]
    if unlabelled:
        raise SetError(
            f"{len(unlabelled)} of {len(labels)} queries have no time of day, neither in the manifest nor by "
            f"a number in the name:{listed(unlabelled)}",
            hint="list them in a CSV (columns name, time_of_day) and set corrections to it, or set"
            " unlabelled: brightness",
        )
    return labels


def _label(row: ImageRow, by_hand: Mapping[str, str], guess: Callable[[ImageRow], Guess] | None) -> TimeLabel:
    known, label_from = row.time_of_day, "manifest"
    if not known:
        known, label_from = time_in_name(row.name), "number"
    if not known and guess is not None and row.name not in by_hand:
        guessed = guess(row)
        return TimeLabel(row.name, guessed.time_of_day, "brightness", guessed.certainty)
    corrected = by_hand.get(row.name, known)
    # A corrected copy of times_of_day.csv also has the rows that were right.
    return TimeLabel(row.name, corrected, label_from if corrected == known else "hand")


def read_corrections(path: Path, names: set[str]) -> dict[str, str]:
    """Read a list of corrections (columns name, time_of_day) for the queries `names`.

    It may belong to another copy of the dataset, whose names have another last digit. `UserError` names all
    rows with an invalid time or a repeated name, and the first name that is not a query of the dataset.
    """
    corrections: dict[str, str] = {}
    problems: list[str] = []
    queries, of_copies = ListedNames(names), SamePictures(names)
    for row in read_table(path, *_CORRECTIONS):
        name = queries.meant_by(row.cells["name"]) or of_copies.meant_by(row.text("name")) or row.text("name")
        try:
            time_of_day = row.choice("time_of_day", TIMES_OF_DAY)
            if not time_of_day:
                raise row.fault("time_of_day", f"{name} has no time_of_day")
            if name in corrections:
                raise row.fault("name", f"{name} is listed twice")
            corrections[name] = time_of_day
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise UserError(f"{len(problems)} rows of {path} cannot be used:{listed(problems)}")
    unknown = sorted(set(corrections) - names)
    if unknown:
        raise UserError(
            f"{path} lists {len(unknown)} names that are not queries of the dataset, first {unknown[0]}",
            hint=f"copy the names from {TIMES_FILE} of the dataset: images/<split>/queries/<file>",
        )
    return corrections


def write_times(target: Path, labels: Iterable[TimeLabel]) -> None:
    """Write the labels as a list that users can correct and give back as corrections."""
    rows = (
        (one.name, one.time_of_day, one.label_from, "" if one.certainty is None else f"{one.certainty:.3f}")
        for one in labels
    )
    write_csv(target, _HEADER, rows)
