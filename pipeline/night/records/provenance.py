"""The origin of every night, as a table beside the nights: one row for each day image."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Literal, get_args

from pipeline.core.files import read_csv, write_csv
from pipeline.runtime.errors import DusklineError

ORIGINS = "origins.csv"

Status = Literal["done", "failed"]


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of one night, or why there is none.

    name: the night, relative to its dataset or folder (also if there is none). source: the day image,
    relative to its own; source_digest: SHA-256 of its bytes, "" if they could not be read. translator,
    checkpoint_digest,
    settings_digest, numeric_path: what made it. reason: "" unless it failed. digest: SHA-256 of the night's
    bytes, "" if there is none.
    """

    name: str
    source: str
    source_digest: str
    translator: str
    checkpoint_digest: str
    settings_digest: str
    numeric_path: str
    status: Status
    reason: str
    digest: str


_HEADER = tuple(field.name for field in fields(Origin))
_REPEATED = ("translator", "checkpoint_digest", "settings_digest", "numeric_path", "status", "reason")
_VALUES = attrgetter(*_HEADER)


def write_origins(folder: Path, origins: Iterable[Origin]) -> None:
    """Write `origins.csv` into `folder`, in the order given."""
    write_csv(folder / ORIGINS, _HEADER, map(_VALUES, origins))


def read_origins(folder: Path) -> tuple[Origin, ...]:
    """Read `origins.csv` of `folder`; `DusklineError` if it is missing or invalid."""
    path = folder / ORIGINS
    origins = []
    # Values that nearly every row repeats are kept once.
    shared: dict[str, str] = {}
    for line, row in read_csv(path, _HEADER):
        status = row["status"]
        if status not in get_args(Status):
            raise DusklineError(
                f"{path}, line {line}: status {status!r} is not one of {', '.join(get_args(Status))}"
            )
        for name in _REPEATED:
            row[name] = shared.setdefault(row[name], row[name])
        origins.append(Origin(**{name: row[name] for name in _HEADER}))  # type: ignore[arg-type]
    return tuple(origins)
