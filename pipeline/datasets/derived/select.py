"""The queries of one time of day, with the whole database, or with that of one time of day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from pipeline.core.files import write_bytes
from pipeline.core.image_io import read_rgb
from pipeline.datasets.derived.uncertain_labels import draw_borderline
from pipeline.datasets.image_set.image_set import TIMES_OF_DAY, ImageRow, ImageSet
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.datasets.time_of_day.brightness_classifier import Guess, time_by_brightness
from pipeline.datasets.time_of_day.labels import TIMES_FILE, label_queries, write_times
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import ParameterError, SetError, listed
from pipeline.runtime.progress import progress

BORDERLINE = "borderline.jpg"


@dataclass(frozen=True)
class Selected:
    """Images kept, by "split/role"; queries of the source by time of day, and by the origin of that label."""

    kept: dict[str, int]
    times: dict[str, int]
    label_from: dict[str, int]

    def __str__(self) -> str:
        """The counts in words, for a summary line."""
        kept, times, labels = (
            ", ".join(f"{name} {count:,}" for name, count in counts.items())
            for counts in (self.kept, self.times, self.label_from)
        )
        return f"{kept} (all queries: {times}; labels from: {labels})"


def select_time(
    source: ImageSet,
    out: Path,
    time_of_day: str,
    corrections: Path | None,
    unlabelled: Literal["refuse", "brightness"] = "refuse",
    expected: int = 0,
    shards_above: int | None = None,
    database: str = "all",
) -> Selected:
    """Link the database of `source` and its queries of `time_of_day` into the dataset `out`.

    database: "all" of it, or only the images of one time of day; then every image needs a label.
    unlabelled: "brightness" guesses the time of queries without a label, and draws the least certain guesses
    on `out`/borderline.jpg; "refuse" ends with an error that names them.
    expected: how many queries of that time there must be; 0 for any number above 0.
    shards_above: see `replaced_set`.

    Every query of `source` is labelled (see `label_queries`) and listed in `out`/times_of_day.csv, kept or
    not, so that users can correct the list. Raises `SetError` if a query has no label, or if the number of
    queries of that time is 0 or not the expected one.
    """
    if time_of_day not in TIMES_OF_DAY:
        raise ParameterError(f"time_of_day must be one of {', '.join(TIMES_OF_DAY)}, not {time_of_day!r}")
    queries = progress(source.where(role="queries"), label="times of day")
    guess = partial(_guess, source) if unlabelled == "brightness" else None
    labels = label_queries(queries, corrections, guess)
    found = Counter(label.time_of_day for label in labels)
    times = {name: found[name] for name in TIMES_OF_DAY}
    if not found[time_of_day]:
        numbers = ", ".join(f"{count} {name}" for name, count in times.items())
        raise SetError(f"{source.root} has no {time_of_day} queries; it has {numbers}")
    if expected and found[time_of_day] != expected:
        raise SetError(
            f"{source.root} has {found[time_of_day]:,} {time_of_day} queries instead of {expected:,}",
            hint=f"check {TIMES_FILE} of an earlier run, and give a corrected copy as corrections",
        )
    if database != "all":
        _require_labels(source, database)
    time_of = {label.name: label.time_of_day for label in labels}
    with replaced_set(out, shards_above) as writer:
        for row in progress(source.rows, total=len(source.rows), label=f"select {time_of_day}"):
            if row.role == "database":
                if database in ("all", row.time_of_day):
                    writer.take(row, source)
            elif time_of[row.name] == time_of_day:
                writer.take(replace(row, time_of_day=time_of_day), source)
        write_times(writer.root / TIMES_FILE, labels)
        write_terms(writer.root, read_terms(source.root))
        if any(label.certainty is not None for label in labels):
            write_bytes(writer.root / BORDERLINE, draw_borderline(source, labels))
    label_from = Counter(label.label_from for label in labels)
    return Selected(ImageSet.open(out).counts(), times, dict(sorted(label_from.items())))


def _require_labels(source: ImageSet, time_of_day: str) -> None:
    """Raise `SetError` if some images of the database have no label, or none has this one."""
    rows = source.where(role="database")
    if unknown := [row.name for row in rows if not row.time_of_day]:
        raise SetError(
            f"{len(unknown):,} of {len(rows):,} images of the database of {source.root} have no time of"
            f" day:{listed(unknown)}",
            hint="set database: all to keep them, or use a dataset whose form knows their times",
        )
    if not any(row.time_of_day == time_of_day for row in rows):
        raise SetError(f"the database of {source.root} has no {time_of_day} images")


def _guess(source: ImageSet, query: ImageRow) -> Guess:
    return time_by_brightness(read_rgb(source.read(query), label=f"{source.root}/{query.name}"))
