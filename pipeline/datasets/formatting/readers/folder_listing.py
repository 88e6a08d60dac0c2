"""The photographs of a plain folder and what is known of each, from a CSV or from the photographs themselves.

Whatever is wrong with them is collected and told at once, photograph by photograph.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.core.files import read_csv, require_file, require_folder
from pipeline.core.image_files import picture_files
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.datasets.formatting.photo_metadata import Header, date_in_name, read_header
from pipeline.datasets.image_set.image_set import ROLES, SPLITS, TIMES_OF_DAY
from pipeline.runtime.errors import BadImageError, NoReaderError, UserError, listed
from pipeline.runtime.progress import progress

_LOG = logging.getLogger(__name__)

EXIF = "exif"
_REQUIRED = ("path", "latitude", "longitude")
# UTM, and so the names, end there.
_LATITUDES = (-80.0, 84.0)
_LONGITUDES = (-180.0, 180.0)


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph and what is known of it; absent texts are "".

    path: POSIX, relative to the folder. latitude, longitude: WGS 84 degrees. heading: degrees clockwise from
    north. date: YYYY[MM[DD[_hh[mm[ss]]]]]. plain: an upright baseline JPEG, fit to be copied as it is.
    """

    path: str
    latitude: float
    longitude: float
    heading: float | None = None
    date: str = ""
    split: str = ""
    role: str = ""
    time_of_day: str = ""
    plain: bool = False

    @property
    def place(self) -> tuple[float, float]:
        """Latitude and longitude."""
        return self.latitude, self.longitude


def list_photographs(folder: Path, coordinates: str) -> list[Photograph]:
    """List the photographs of `folder` by path; `coordinates` is "exif" or the name of a CSV in the folder.

    Raises `MissingInputError` when folder or CSV is missing, and `UserError` with every photograph that is
    listed but missing or unreadable, has no coordinates, or values that are none.
    """
    require_folder(folder)
    paths = picture_files(folder)
    problems: list[str] = []
    rows: dict[str, Mapping[str, str]] = {}
    if coordinates != EXIF:
        rows = _rows(folder / coordinates, set(paths), problems)
    photographs = []
    without_reader: Counter[str] = Counter()
    for path in progress(paths, total=len(paths), label="read heads"):
        if coordinates != EXIF and path not in rows:
            problems.append(f"{path}: {coordinates} does not list it, so it has no coordinates")
            continue
        if not path.isprintable():
            problems.append(f"{path!r}: its name holds control characters or is not UTF-8")
            continue
        try:
            header = read_header(folder / path)
            photographs.append(_photograph(path, header, rows.get(path)))
        except BadImageError as error:
            reason = error.message.removeprefix(f"{folder / path}: ")
            if coordinates == EXIF and isinstance(error, NoReaderError):
                without_reader[reason] += 1
            else:
                problems.append(f"{path}: {reason}")
        except ValueError as error:
            problems.append(f"{path}: {error}")
    for reason, count in without_reader.items():
        _LOG.warning("%s: passed over %d photographs: %s, and dvc repro --force", folder, count, reason)
    where = f"the columns of {coordinates}" if coordinates != EXIF else "the GPS of the photographs"
    refuse(folder, problems, hint=f"mend {where}, or take these photographs out of the folder")
    if not photographs:
        raise UserError(f"no photographs in {folder}: no {', '.join(PICTURE_SUFFIXES)} files")
    return photographs


def refuse(folder: Path, problems: list[str], *, hint: str) -> None:
    """Raise `UserError` with all problems, when there are any."""
    if problems:
        what = f"{len(problems)} photographs of {folder} cannot be used:"
        raise UserError(what + listed(sorted(problems), shown=50), hint=hint)


def _rows(table: Path, paths: set[str], problems: list[str]) -> dict[str, Mapping[str, str]]:
    """The rows of the CSV by path; rows without a photograph, and second rows of one, are problems."""
    require_file(table, hint="give the name of a CSV in the folder, or exif, as coordinates")
    rows: dict[str, Mapping[str, str]] = {}
    for line, row in read_csv(table, _REQUIRED):
        path = (row["path"] or "").removeprefix("./")
        if path in rows:
            problems.append(f"{path}: listed a second time in line {line} of {table.name}")
        elif path not in paths:
            problems.append(f"{path or '(no path)'}: listed in line {line} of {table.name}, but not there")
        else:
            rows[path] = row
    return rows


def _photograph(path: str, header: Header, row: Mapping[str, str] | None) -> Photograph:
    """Put together what is known of one photograph; `ValueError` says what is missing or impossible."""
    if row is None:
        if header.latitude is None or header.longitude is None:
            raise ValueError(header.gps_fault or "has no GPS coordinates in its EXIF data")
        place = (header.latitude, header.longitude)
    else:
        place = (_number(row, "latitude"), _number(row, "longitude"))
    for value, (least, most), what in zip(
        place, (_LATITUDES, _LONGITUDES), ("latitude", "longitude"), strict=True
    ):
        if not least <= value <= most:
            raise ValueError(f"{what} {value} is not between {least:g} and {most:g}")
    if place == (0, 0):
        raise ValueError("latitude 0 and longitude 0 say that there was no fix")
    photograph = Photograph(path, *place, header.heading, header.date, plain=header.plain)
    return photograph if row is None else _told(photograph, row)


def _told(photograph: Photograph, row: Mapping[str, str]) -> Photograph:
    """Add the optional columns of the CSV; they win over what the photograph says itself."""
    told = {name: (row.get(name) or "").strip() for name in ("split", "role", "time_of_day")}
    for name, known in (("split", SPLITS), ("role", ROLES), ("time_of_day", TIMES_OF_DAY)):
        if told[name] and told[name] not in known:
            raise ValueError(f"{name} {told[name]!r} is none of {', '.join(known)}")
    date = date_in_name(row.get("date") or row.get("timestamp") or "") or photograph.date
    heading = _number(row, "heading") if (row.get("heading") or "").strip() else photograph.heading
    return replace(photograph, date=date, heading=heading, **told)  # type: ignore[arg-type]


def _number(row: Mapping[str, str], name: str) -> float:
    text = (row[name] or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"has no {name}" if not text else f"{name} {text!r} is not a number")
    return value
