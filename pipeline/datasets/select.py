"""The queries of one time of day, with the whole database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core.errors import ParameterError, SetError
from pipeline.core.progress import progress
from pipeline.datasets.image_set import TIMES_OF_DAY, ImageSet
from pipeline.datasets.set_writer import replaced_set
from pipeline.datasets.times_of_day import TIMES_FILE, label_queries, write_times


@dataclass(frozen=True)
class Selected:
    """Images kept, by "split/role"; queries of the source by time of day, and by where that is known from."""

    kept: dict[str, int]
    times: dict[str, int]
    label_from: dict[str, int]

    def __str__(self) -> str:
        """The counts in words, for a summary line."""
        kept, times, labels = (
            ", ".join(f"{name} {count:,}" for name, count in counts.items())
            for counts in (self.kept, self.times, self.label_from)
        )
        return f"{kept} (all queries: {times}; labelled by: {labels})"


def select_time(source: ImageSet, out: Path, time_of_day: str, corrections: Path | None) -> Selected:
    """Link the database of `source` and its queries of `time_of_day` into the set `out`.

    Every query of `source` is labelled (see `label_queries`) and listed in `out`/times_of_day.csv, kept or
    not, so that a hand may correct the list. `SetError` when a query has no label or none is of that time.
    """
    if time_of_day not in TIMES_OF_DAY:
        raise ParameterError(f"time_of_day must be one of {', '.join(TIMES_OF_DAY)}, not {time_of_day!r}")
    labels = label_queries(source.where(role="queries"), corrections)
    found = Counter(label.time_of_day for label in labels)
    times = {name: found[name] for name in TIMES_OF_DAY}
    if not found[time_of_day]:
        numbers = ", ".join(f"{count} {name}" for name, count in times.items())
        raise SetError(f"{source.root} has no {time_of_day} queries; by time of day it has {numbers}")
    time_of = {label.name: label.time_of_day for label in labels}
    with replaced_set(out) as writer:
        for row in progress(source.rows, total=len(source.rows), label=f"select {time_of_day}"):
            if row.role == "database":
                writer.link(row, source.path(row))
            elif time_of[row.name] == time_of_day:
                writer.link(replace(row, time_of_day=time_of_day), source.path(row))
        write_times(writer.root / TIMES_FILE, labels)
    label_from = Counter(label.label_from for label in labels)
    return Selected(ImageSet.open(out).counts(), times, dict(sorted(label_from.items())))
