"""The photographs of a plain folder and what is known of each, from a CSV or from their metadata.

All errors are collected and reported at once, photograph by photograph.
"""

from __future__ import annotations

import logging
import math
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pipeline.core.clutter import is_in_cloud
from pipeline.core.files import require_file, require_folder, why_no_file
from pipeline.core.image_files import picture_files, unnameable
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.datasets.formatting.photo_metadata import Header, date_in_name, direction, read_header
from pipeline.datasets.image_set.image_set import ROLES, SPLITS, TIMES_OF_DAY
from pipeline.datasets.listings.listed_names import ListedNames
from pipeline.datasets.listings.tables import Row, read_table
from pipeline.runtime.errors import BadImageError, NoReaderError, UserError, listed
from pipeline.runtime.progress import progress

_LOG = logging.getLogger(__name__)

EXIF = "exif"
# Positions are unknown.
NONE = "none"
_REQUIRED = ("path", "latitude", "longitude")
_OPTIONAL = ("split", "role", "date", "timestamp", "heading", "time_of_day")
# Limits of UTM, and so of the names.
_LATITUDES = (-80.0, 84.0)
_LONGITUDES = (-180.0, 180.0)


@dataclass(frozen=True, slots=True)
class Photograph:
    """One photograph and what is known of it; absent texts are "".

    path: POSIX, relative to the folder. latitude, longitude: WGS 84 degrees, nan if unknown. heading: degrees
    clockwise from north. date: YYYY[MM[DD[_hh[mm[ss]]]]]. plain: whether it is an upright baseline JPEG,
    which is copied unchanged.
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
    """List the photographs of `folder` by path; `coordinates`: "exif", "none", or a CSV's name in the folder.

    Raises `MissingInputError` if folder or CSV is missing, and `UserError` with every photograph that is
    listed but missing or unreadable, or has no coordinates or invalid values.
    """
    require_folder(folder)
    paths = picture_files(folder)
    nameless = {path: reason for path in paths if (reason := unnameable(path))}
    problems = list(nameless.values())
    rows: dict[str, Row] = {}
    has_table = coordinates not in (EXIF, NONE)
    if has_table:
        rows = _rows(folder, coordinates, paths, problems)
    paths = [path for path in paths if path not in nameless]
    photographs = []
    without_reader: Counter[str] = Counter()
    without_fix = []
    for path in progress(paths, total=len(paths), label="read headers"):
        if reason := why_no_file(folder / path):
            problems.append(f"{path}: {reason}")
            continue
        if has_table and path not in rows:
            problems.append(f"{path}: not listed in {coordinates}, so it has no coordinates")
            continue
        try:
            header = read_header(folder / path)
            known = (
                _photograph(path, header, rows.get(path)) if coordinates != NONE else _unplaced(path, header)
            )
            photographs.append(known)
            if coordinates == EXIF and header.has_no_valid_fix:
                without_fix.append(path)
        except BadImageError as error:
            reason = error.message.removeprefix(f"{folder / path}: ")
            if not has_table and isinstance(error, NoReaderError):
                without_reader[reason] += 1
            else:
                problems.append(f"{path}: {reason}")
        except ValueError as error:
            problems.append(f"{path}: {error}")
    for reason, count in without_reader.items():
        _LOG.warning("%s: skipped %d photographs: %s, and dvc repro --force", folder, count, reason)
    if without_fix:
        _LOG.warning(
            "%s: %d photographs have GPS status V, no valid fix: their positions may be old; first %s",
            folder,
            len(without_fix),
            without_fix[0],
        )
    where = {EXIF: "the GPS of the photographs or ", NONE: ""}.get(
        coordinates, f"the columns of {coordinates} or "
    )
    hint = f"fix {where}the files, as each line says, or remove them from the folder"
    if coordinates == EXIF:
        hint += "; if the positions are unknown, set coordinates: none"
    refuse(folder, problems, hint=hint)
    if not photographs:
        raise UserError(f"no photographs in {folder}: no {', '.join(PICTURE_SUFFIXES)} files")
    return photographs


def refuse(folder: Path, problems: list[str], *, hint: str) -> None:
    """Raise `UserError` with all problems, if there are any."""
    if problems:
        what = f"{len(problems)} photographs of {folder} cannot be used:"
        raise UserError(what + listed(sorted(problems), shown=50), hint=hint)


def _rows(folder: Path, coordinates: str, paths: list[str], problems: list[str]) -> dict[str, Row]:
    """The rows of the CSV by path; a row without a photograph, or a second row of one, is a problem."""
    table = folder / coordinates
    require_file(table, hint="set coordinates to the name of a CSV in the folder, or to exif")
    if any((folder / above).is_symlink() for above in PurePosixPath(coordinates).parents[:-1]):
        raise UserError(
            f"{table} is behind a linked folder, where DVC would not notice an edit",
            hint="move the CSV into the folder of photographs itself",
        )
    names = ListedNames(paths)
    rows: dict[str, Row] = {}
    for row in read_table(table, _REQUIRED, _OPTIONAL):
        listed = row.cells["path"].removeprefix("./")
        where = f"line {row.line} of {table.name}"
        path = names.meant_by(listed)
        if path is None:
            found = _found_instead(folder, listed, names.alike(listed))
            problems.append(f"{listed.strip() or '(no path)'}: listed in {where}, {found}")
        elif path in rows:
            problems.append(f"{path}: listed a second time in {where}")
        else:
            rows[path] = row
    return rows


def _found_instead(folder: Path, name: str, alike: list[str]) -> str:
    """Say what the folder has instead of a photograph that the CSV lists."""
    if alike:
        return f"but missing; the folder has {' and '.join(alike)}, which is another name"
    path = PurePosixPath(name.strip().replace("\\", "/"))
    if path.name and not path.is_absolute() and ".." not in path.parts:
        if os.path.lexists(folder / path):
            return "but not an image that can be read"
        if is_in_cloud(folder / path):
            return "but still in the cloud; download it"
    return "but missing"


def _unplaced(path: str, header: Header) -> Photograph:
    return Photograph(path, math.nan, math.nan, header.heading, header.date, plain=header.plain)


def _photograph(path: str, header: Header, row: Row | None) -> Photograph:
    """Collect what is known of one photograph; `ValueError` says what is missing or invalid."""
    if row is None:
        if header.latitude is None or header.longitude is None:
            raise ValueError(header.gps_fault or "has no GPS coordinates in its EXIF data")
        place = (header.latitude, header.longitude)
    else:
        place = (_degrees(row, "latitude"), _degrees(row, "longitude"))
    for value, (least, most), what in zip(
        place, (_LATITUDES, _LONGITUDES), ("latitude", "longitude"), strict=True
    ):
        if not least <= value <= most:
            fault = f"{what} {value} is not between {least:g} and {most:g}"
            raise ValueError(fault) if row is None else row.fault(what, fault)
    if place == (0, 0):
        raise ValueError("latitude 0 and longitude 0 mean that there was no fix")
    photograph = Photograph(path, *place, header.heading, header.date, plain=header.plain)
    return photograph if row is None else _with_columns(photograph, row)


def _with_columns(photograph: Photograph, row: Row) -> Photograph:
    """Add the optional columns of the CSV; they override the metadata of the photograph."""
    heading = _heading(row)
    return replace(
        photograph,
        date=_date(row) or photograph.date,
        heading=photograph.heading if heading is None else heading,
        split=row.choice("split", SPLITS),
        role=row.choice("role", ROLES),
        time_of_day=row.choice("time_of_day", TIMES_OF_DAY),
    )


def _date(row: Row) -> str:
    column = "date" if row.text("date") else "timestamp"
    try:
        return date_in_name(row.text(column))
    except ValueError as error:
        raise row.fault(column, error) from error


def _heading(row: Row) -> float | None:
    degrees = row.number("heading")
    try:
        return None if degrees is None else direction(degrees)
    except ValueError as error:
        raise row.fault("heading", error) from error


def _degrees(row: Row, column: str) -> float:
    degrees = row.number(column)
    if degrees is None:
        raise row.fault(column, f"has no {column}")
    return degrees
