"""Tables that users write, as spreadsheets save them: read if they are unambiguous, else rejected.

A table is a CSV with a header. Its separator is a comma, a semicolon or a tab, its text UTF-8, UTF-16 (with a
byte-order mark) or Windows-1252. Blanks around names and values, and the case of names, do not matter. Tables
that duskline writes itself are read by `pipeline.core.files.read_csv`, which is strict.
"""

from __future__ import annotations

import codecs
import csv
import io
import logging
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.files import require_file
from pipeline.datasets.listings.decimal_commas import refuse_decimal_commas
from pipeline.runtime.errors import UserError, listed

_LOG = logging.getLogger(__name__)

_SAVE_AS = "save the table again as CSV (UTF-8)"
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# Some spreadsheets write this line above the header.
_TOLD_SEPARATOR = re.compile(r"sep=[,;\t]\r?\n")
# Also with the typographic minus. A comma is a decimal comma: it can only be in a cell if the table has
# another separator, or the cell is in quotes.
_NUMBER = re.compile(r"[-+\u2212]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][-+]?[0-9]+)?")
# Other common names of columns.
_SAME = {
    "path": ("file", "file_name", "filename", "image", "image_name"),
    "latitude": ("lat",),
    "longitude": ("lon", "long", "lng"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its first line in the file, and its cells by the name of their column."""

    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell without surrounding blanks; "" if the table has no such column."""
        return self.cells.get(column, "").strip()

    def number(self, column: str) -> float | None:
        """The cell as a number, with a decimal point or comma; None if empty. `ValueError` says where."""
        text = self.text(column)
        if not text:
            return None
        value = float(text.replace(",", ".").replace("\u2212", "-")) if _NUMBER.fullmatch(text) else math.nan
        if not math.isfinite(value):
            raise self.fault(column, f"{column} {text!r} is not a number")
        return value

    def choice(self, column: str, known: Sequence[str]) -> str:
        """The cell as one of the words `known`, in lower case, or ""; `ValueError` says where."""
        text = self.text(column)
        if text and text.lower() not in known:
            raise self.fault(column, f"{column} {text!r} is not one of {', '.join(known)}")
        return text.lower()

    def fault(self, column: str, what: object) -> ValueError:
        """The error that says `what` is wrong with a cell, and where it is."""
        return ValueError(f"{what} (line {self.line}, column {column})")


def read_table(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[Row]:
    """Read the rows of a table that users write; empty rows are left out.

    Rows have the columns `required`, and those of `optional` that the table has; a warning names other
    columns that are not empty. Raises `MissingInputError` if there is no such file, and `UserError` if it is
    not a table of text, if its header lacks a required column or has one twice, if rows have more or fewer
    values than the header (all are listed), and as `refuse_decimal_commas`.
    """
    text = _decoded(path)
    separator = _separator(path, text, required)
    (_, header), *rows = _rows(path, text, separator, strict=True)
    columns = _columns(path, header, (*required, *optional))
    least = 1 + max(index for index, name in enumerate(header) if name.strip())
    wrong = [
        f"line {line}: {len(cells)} values for {len(header)} columns"
        for line, cells in rows
        if len(cells) < least or any(cell.strip() for cell in cells[len(header) :])
    ]
    if wrong:
        raise UserError(
            f"{path}: {len(wrong)} rows have more or fewer values than the header:{listed(wrong)}",
            hint="put a value that contains the separator, such as a number with a decimal comma, in quotes",
        )
    if separator == ",":
        refuse_decimal_commas(path, rows, columns)
    unread = [
        name.strip() or f"unnamed column {index + 1}"
        for index, name in enumerate(header)
        if index not in columns.values()
        and any("".join(cells[index : index + 1]).strip() for _, cells in rows)
    ]
    if unread:
        known = ", ".join((*required, *optional))
        _LOG.warning("%s: columns that are not read: %s; known are %s", path, ", ".join(unread), known)
    return [Row(line, {name: cells[index] for name, index in columns.items()}) for line, cells in rows]


def _decoded(path: Path) -> str:
    """The text of a table; one that is not UTF-8 is read as Windows-1252, with a warning."""
    data = require_file(path).read_bytes()
    marked = next((name for mark, name in _MARKS.items() if data.startswith(mark)), "")
    if marked or b"\0" not in data:
        for encoding in (marked,) if marked else ("utf-8", "cp1252"):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError as error:
                line = data.count(b"\n", 0, error.start) + 1
            else:
                if encoding == "cp1252":
                    _LOG.warning("%s, line %d: not UTF-8, read as Windows-1252", path, line)
                return text
        raise UserError(f"{path}, line {line}: not text in UTF-8, UTF-16 or Windows-1252", hint=_SAVE_AS)
    raise UserError(f"{path} is not text, so it is not a CSV", hint=_SAVE_AS)


def _separator(path: Path, text: str, required: Sequence[str]) -> str:
    """The one separator with which the header has all required columns."""
    missing, headers = {}, {}
    for separator in _SEPARATORS:
        _, headers[separator] = next(_rows(path, text, separator, strict=False), (0, []))
        found = {_known_name(name) for name in headers[separator]}
        missing[separator] = [column for column in required if column not in found]
    fits = [separator for separator in _SEPARATORS if not missing[separator]]
    if len(fits) > 1:
        both = " and by ".join(_SEPARATORS[separator] for separator in fits)
        raise UserError(f"{path}: its header can be split by {both}", hint="use only one of these separators")
    if not fits:
        nearest = min(_SEPARATORS, key=lambda separator: len(missing[separator]))
        raise UserError(
            f"{path} has no column {', '.join(missing[nearest])};"
            f" its header is {', '.join(headers[nearest]) or 'empty'}",
            hint="the first line names the columns, separated by commas, semicolons or tabs",
        )
    return fits[0]


def _rows(path: Path, text: str, separator: str, *, strict: bool) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, the header first, each with its first line.

    strict: whether invalid quotes are a `UserError`.
    """
    told = _TOLD_SEPARATOR.match(text)
    # Not `splitlines`, which splits at more characters than CSVs do.
    stream = io.StringIO(text[told.end() :] if told else text, newline="")
    reader = csv.reader(stream, delimiter=separator, skipinitialspace=True, strict=strict)
    above = line = 1 + bool(told)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = above + reader.line_num
    except csv.Error as error:
        raise UserError(
            f"{path}, line {line}: not a row of a CSV ({error})",
            hint="a quote that is opened must be closed before the next separator, and doubled inside quotes",
        ) from error


def _columns(path: Path, header: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    """The index of each known column; `UserError` for columns that are there twice."""
    places: dict[str, list[int]] = defaultdict(list)
    for index, name in enumerate(header):
        places[_known_name(name)].append(index)
    found = {name: places[name] for name in known if name in places}
    twice = [" and ".join(header[index].strip() for index in at) for at in found.values() if len(at) > 1]
    if twice:
        raise UserError(f"{path} has columns twice: {', '.join(twice)}", hint="keep only the right one")
    return {name: at[0] for name, at in found.items()}


def _known_name(name: str) -> str:
    """The name of a column as the code has it."""
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    return next((column for column, others in _SAME.items() if plain in others), plain)
