"""A day set and its nights as one set, without a second copy of a single picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core import files
from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet, require_one_ground
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.night.records.provenance import ORIGINS, read_origins
from pipeline.runtime.errors import ParameterError, SetError, listed
from pipeline.runtime.progress import progress


def merge_sets(
    day: ImageSet, night: ImageSet, out: Path, keep_nights: float, seed: int, shards_above: int | None = None
) -> ImageSet:
    """Link every image of `day` and of `night` into the set `out`, and the record of the nights' origins.

    keep_nights: which share of the nights is taken, 0 to 1; see `kept_nights`. The record stays that of all;
    the terms are those of both. shards_above: see `replaced_set`.

    The nights must be those of these days: `SetError` names the images when both sets use a name, when a
    night was made from other bytes than the day set holds or from an image that it does not hold, when a day
    image has no record, and when a recorded night is missing or another one; and when positions of the two
    sets do not count the same.
    """
    require_one_ground(day, night)
    both = sorted({row.name for row in day.rows} & {row.name for row in night.rows})
    if both:
        raise SetError(
            f"{len(both)} names are in {day.root} and in {night.root}:{listed(both)}",
            hint="a night's name ends in n before the suffix; is the night set a set of days?",
        )
    _require_nights_of(day, night)
    nights = kept_nights(night.rows, keep_nights, seed)
    rows = [*((day, row) for row in day.rows), *((night, row) for row in nights)]
    with replaced_set(out, shards_above) as writer:
        for part, row in progress(rows, total=len(rows), label="merge"):
            writer.take(row, part)
        files.link(night.root / ORIGINS, writer.root / ORIGINS)
        write_terms(writer.root, read_terms(day.root), read_terms(night.root))
    return ImageSet.open(out)


def kept_nights(nights: Sequence[ImageRow], share: float, seed: int) -> list[ImageRow]:
    """The given share (0 to 1) of the nights of each split and role, rounded to whole ones, in their order.

    Which ones depends on `seed` and their names alone: a larger share keeps what a smaller one keeps, and an
    image more or less changes at most one other choice.
    """
    if not 0 <= share <= 1:
        raise ParameterError(f"keep_nights must be a share from 0 to 1, not {share:g}")
    groups: dict[tuple[str, str], list[str]] = {}
    for row in nights:
        groups.setdefault((row.split, row.role), []).append(row.name)
    kept = set()
    for names in groups.values():
        drawn = sorted(names, key=lambda name: digest_bytes(f"{seed} {name}".encode()))
        kept.update(drawn[: round(share * len(names))])
    return [row for row in nights if row.name in kept]


def _require_nights_of(day: ImageSet, night: ImageSet) -> None:
    """Hold the record of the nights against both sets; every contradiction is named."""
    record = files.require_file(
        night.root / ORIGINS, hint="a night set comes from the translate stage, which records its origins"
    )
    origins = read_origins(night.root)
    days = {row.name: row.digest for row in day.rows}
    nights = {row.name: row.digest for row in night.rows}
    read = [origin for origin in origins if origin.source in days and origin.source_digest]
    made = [origin for origin in origins if origin.status == "done"]
    contradictions = {
        f"images of {day.root} are not those that the nights in {night.root} were made from": [
            origin.source for origin in read if origin.source_digest != days[origin.source]
        ],
        f"nights in {night.root} were made from images that {day.root} does not hold": [
            origin.source for origin in origins if origin.source not in days
        ],
        f"images of {day.root} have no record in {record}": sorted(
            set(days) - {origin.source for origin in origins}
        ),
        f"nights are not in {night.root}, though {record} calls them done": [
            origin.name for origin in made if origin.name not in nights
        ],
        f"nights in {night.root} are not those that {record} records": [
            origin.name for origin in made if nights.get(origin.name, origin.digest) != origin.digest
        ],
        f"images of {night.root} have no record in {record}": sorted(
            set(nights) - {origin.name for origin in made}
        ),
    }
    for what, names in contradictions.items():
        if names:
            raise SetError(
                f"{len(names)} {what}:{listed(names)}",
                hint="run the translate stage again on this day set, then merge",
            )
