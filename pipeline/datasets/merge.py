"""A day set and its nights as one set, without a second copy of a single picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import SetError
from pipeline.core.progress import progress
from pipeline.datasets.image_set import ImageRow, ImageSet, SetWriter

# Written by the translation: one row for each day image, translated or not.
ORIGINS_FILE = "origins.csv"
_DONE = "done"
_NAMED_AT_ONCE = 10


def merge_sets(day: ImageSet, night: ImageSet, out: Path) -> ImageSet:
    """Link every image of `day` and of `night` into the set `out`, and the record of the nights' origin.

    The nights must be those of these days: `SetError` names the images when both sets use a name, when a
    night was made from other bytes than the day set holds, from an image that it does not hold, when a day
    image has no record, or when a night that the record calls done is missing.
    """
    _require_no_collision(day, night)
    _require_same_days(day, night)
    writer = SetWriter(out)
    rows = [(part, row) for part in (day, night) for row in part.rows]
    for part, row in progress(rows, total=len(rows), label="merge"):
        writer.link(row, part.path(row))
    files.link(night.root / ORIGINS_FILE, out / ORIGINS_FILE)
    return writer.finish()


def _require_no_collision(day: ImageSet, night: ImageSet) -> None:
    both = sorted({row.name for row in day.rows} & {row.name for row in night.rows})
    if both:
        raise SetError(
            f"{len(both)} names are in {day.root} and in {night.root}:{_listed(both)}",
            hint="a night's name ends in n before the suffix; is the night set a set of days?",
        )


def _require_same_days(day: ImageSet, night: ImageSet) -> None:
    """Hold the record of the nights against both sets; every contradiction is named."""
    origins = files.require_file(
        night.root / ORIGINS_FILE, hint="a night set is made by the translate stage, which records its origins"
    )
    days = {row.name: row.digest for row in day.rows}
    nights = {row.name for row in night.rows}
    recorded: set[str] = set()
    nights_recorded: set[str] = set()
    mixed, foreign, missing = [], [], []
    for row in files.read_csv(origins, ("name", "source", "source_digest", "status")):
        source = row["source"]
        recorded.add(source)
        nights_recorded.add(row["name"])
        if source not in days:
            foreign.append(source)
        elif row["source_digest"] != days[source]:
            mixed.append(source)
        if row["status"] == _DONE and row["name"] not in nights:
            missing.append(row["name"])
    hint = "run the translate stage again on this day set"
    for names, what in (
        (mixed, f"nights in {night.root} were made from other versions of these images of {day.root}"),
        (foreign, f"nights in {night.root} were made from images that {day.root} does not hold"),
        (sorted(set(days) - recorded), f"images of {day.root} have no record in {origins}"),
        (missing, f"nights that {origins} calls {_DONE} are not in {night.root}"),
        (sorted(nights - nights_recorded), f"images of {night.root} have no record in {origins}"),
    ):
        if names:
            raise SetError(f"{len(names)} {what}:{_listed(names)}", hint=hint)


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = f"\n    and {len(listed) - _NAMED_AT_ONCE} more" if len(listed) > _NAMED_AT_ONCE else ""
    return "".join(f"\n    {name}" for name in listed[:_NAMED_AT_ONCE]) + more
