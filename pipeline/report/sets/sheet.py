"""A sheet of samples of a night dataset: the day, our night and, if available, the true night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from pipeline.core.files import read_csv, write_bytes, write_csv
from pipeline.core.image_io import small_jpeg
from pipeline.datasets.image_set.image_names import position_of
from pipeline.datasets.image_set.image_set import SPLITS, ImageRow, ImageSet
from pipeline.night.comparison.samples import TrueNights, spread, true_nights_of
from pipeline.night.records.provenance import read_origins
from pipeline.runtime.errors import ParameterError, SetError

_LIST = "sheet.csv"
# Pixels of the longest side.
_LONGEST = 400
# The field of a name in the common convention.
_PANORAMA = 7


@dataclass(frozen=True)
class Sample:
    """A row of a sheet. name: the day's name in its dataset. day, night, true_night: files; "" for none."""

    name: str
    day: str
    night: str
    true_night: str

    @property
    def split(self) -> str:
        """One of train, val, test."""
        return self.name.split("/")[1]

    @property
    def role(self) -> str:
        """Either database or queries."""
        return self.name.split("/")[2]

    @property
    def place(self) -> str:
        """Where it was taken: the panorama if its name has one, else UTM metres."""
        east, north = position_of(self.name)
        fields = self.name.split("@")
        panorama = fields[_PANORAMA] if len(fields) > _PANORAMA + 1 else ""
        return panorama if panorama not in ("", "None") else f"{east:.0f} E, {north:.0f} N"


_HEADER = tuple(field.name for field in fields(Sample))


def write_sheet(
    folder: Path, day: ImageSet, night: ImageSet, per_split: int, true_nights: TrueNights | None
) -> int:
    """Put small images of `per_split` days of each split, and of their nights, into `folder` with a list.

    The samples are spread evenly over a split. Returns their number. Raises `ParameterError` if `per_split`
    is below 1, `SetError` if `night` was not made from `day` or has no nights.
    """
    if per_split < 1:
        raise ParameterError(f"a sheet needs at least one image of a split, not {per_split}")
    night_of = _nights(day, night)
    rows = [
        row
        for split in SPLITS
        for row in spread([r for r in day.where(split) if r.name in night_of], per_split)
    ]
    drawn = true_nights_of(rows, true_nights)
    samples = [
        _write_sample(folder, number, day.read(row), night.read(night_of[row.name]), drawn.get(row.name), row)
        for number, row in enumerate(rows, start=1)
    ]
    write_csv(folder / _LIST, _HEADER, map(astuple, samples))
    return len(samples)


def read_sheet(folder: Path) -> tuple[Sample, ...]:
    """Read the list in `folder`; `DusklineError` if it is missing or invalid."""
    return tuple(
        Sample(**{name: row[name] for name in _HEADER}) for _, row in read_csv(folder / _LIST, _HEADER)
    )


def _nights(day: ImageSet, night: ImageSet) -> Mapping[str, ImageRow]:
    """The night of each day that has one, by the day's name."""
    rows = {row.name: row for row in night.rows}
    days = {row.name: row.digest for row in day.rows}
    found = {}
    for origin in read_origins(night.root):
        if days.get(origin.source) != origin.source_digest:
            raise SetError(
                f"{night.root} was not made from {day.root}: {origin.source} is missing or different",
                hint="name the day dataset that the night dataset was made from",
            )
        if origin.status == "done":
            found[origin.source] = rows[origin.name]
    if not found:
        raise SetError(f"no image of {day.root} has a night in {night.root}")
    return found


def _write_sample(
    folder: Path, number: int, day: bytes, night: bytes, true_night: bytes | None, row: ImageRow
) -> Sample:
    names = []
    for kind, data in (("day", day), ("night", night), ("true_night", true_night)):
        names.append(f"{number:02d}_{kind}.jpg" if data is not None else "")
        if data is not None:
            write_bytes(folder / names[-1], small_jpeg(data, _LONGEST, label=f"{kind} of {row.name}"))
    return Sample(row.name, *names)
