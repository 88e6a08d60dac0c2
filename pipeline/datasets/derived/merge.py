"""A day dataset and its night dataset as one dataset, without copying any image."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipeline.core import files
from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet, require_one_ground
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.datasets.listings.same_pictures import SamePictures
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.night.records.provenance import ORIGINS, Origin, read_origins, write_origins
from pipeline.runtime.errors import ParameterError, SetError, listed
from pipeline.runtime.progress import progress

_LOG = logging.getLogger(__name__)


def merge_sets(
    day: ImageSet, night: ImageSet, out: Path, keep_nights: float, seed: int, shards_above: int | None = None
) -> ImageSet:
    """Link every image of `day` and of `night` into the dataset `out`, and the record of origins.

    keep_nights: the share of the nights to take, 0 to 1; see `kept_nights`. The record keeps all nights; the
    terms are those of both datasets. shards_above: see `replaced_set`.

    The nights must be those of these day images, or of another copy of them, whose names have another last
    digit; such nights are copied under the names of these images. `SetError` names the images if both
    datasets use a name, if a night was made from other bytes or from an image that `day` does not have, if a
    day image has no record, or if a recorded night is missing or differs. It is also raised if the positions
    of the two datasets are in different units or grids.
    """
    require_one_ground(day, night)
    both = sorted({row.name for row in day.rows} & {row.name for row in night.rows})
    if both:
        raise SetError(
            f"{len(both)} names are in {day.root} and in {night.root}:{listed(both)}",
            hint="the name of a night ends in n before the suffix; is the night dataset a day dataset?",
        )
    record = files.require_file(
        night.root / ORIGINS, hint="use a night dataset made by the translate stage, which writes this file"
    )
    told = read_origins(night.root)
    origins = _with_names_of(day, told)
    old_names = {new.name: old.name for old, new in zip(told, origins, strict=True) if new != old}
    new_names = {old: new for new, old in old_names.items()}
    named = tuple(replace(row, name=new_names.get(row.name, row.name)) for row in night.rows)
    _require_nights_of(day, named, origins, record)
    nights = kept_nights(named, keep_nights, seed)
    rows = [*((day, row) for row in day.rows), *((night, row) for row in nights)]
    with replaced_set(out, shards_above) as writer:
        for part, row in progress(rows, total=len(rows), label="merge"):
            if part is night and row.name in old_names:
                writer.write(row, night.read(replace(row, name=old_names[row.name])))
            else:
                writer.take(row, part)
        if old_names:
            _LOG.warning(
                "%d nights were made from another copy of %s and are copied under the names of its images",
                sum(one != other for one, other in zip(night.rows, named, strict=True)),
                day.root,
            )
            write_origins(writer.root, origins)
        else:
            files.link(record, writer.root / ORIGINS)
        write_terms(writer.root, read_terms(day.root), read_terms(night.root))
    return ImageSet.open(out)


def kept_nights(nights: Sequence[ImageRow], share: float, seed: int) -> list[ImageRow]:
    """The given share (0 to 1) of the nights of each split and role, rounded to whole images, in their order.

    The choice depends only on `seed` and the names: a larger share keeps what a smaller one keeps, and one
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


def _with_names_of(day: ImageSet, origins: Sequence[Origin]) -> tuple[Origin, ...]:
    """The origins, with the names that their day images have in `day`, which may be another copy of them."""
    days = SamePictures(row.name for row in day.rows)
    found = []
    for origin in origins:
        source = days.meant_by(origin.source)
        if source is not None and source != origin.source:
            name = night_name(source, PurePosixPath(origin.name).suffix)
            origin = replace(origin, name=name, source=source)
        found.append(origin)
    return tuple(found)


def _require_nights_of(
    day: ImageSet, rows: Sequence[ImageRow], origins: Sequence[Origin], record: Path
) -> None:
    """Compare the record of the nights `rows` with them and with the days; name every contradiction."""
    folder = record.parent
    days = {row.name: row.digest for row in day.rows}
    nights = {row.name: row.digest for row in rows}
    read = [origin for origin in origins if origin.source in days and origin.source_digest]
    made = [origin for origin in origins if origin.status == "done"]
    contradictions = {
        f"images of {day.root} differ from those that the nights in {folder} were made from": [
            origin.source for origin in read if origin.source_digest != days[origin.source]
        ],
        f"nights in {folder} were made from images that {day.root} does not have": [
            origin.source for origin in origins if origin.source not in days
        ],
        f"images of {day.root} have no record in {record}": sorted(
            set(days) - {origin.source for origin in origins}
        ),
        f"nights are missing in {folder}, though {record} lists them as done": [
            origin.name for origin in made if origin.name not in nights
        ],
        f"nights in {folder} differ from those that {record} lists": [
            origin.name for origin in made if nights.get(origin.name, origin.digest) != origin.digest
        ],
        f"images of {folder} have no record in {record}": sorted(
            set(nights) - {origin.name for origin in made}
        ),
    }
    for what, names in contradictions.items():
        if names:
            raise SetError(
                f"{len(names)} {what}:{listed(names)}",
                hint="run the translate stage again on this day dataset, then merge again",
            )
