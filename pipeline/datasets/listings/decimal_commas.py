"""Decimal commas in a table whose separator is a comma: 51,50 is then read as two cells and two numbers.

Rows that get longer than the header are rejected elsewhere. But if the header has further columns, latitude
51,50 and longitude 0,12 are read as 51 and 50, and the longitude as those further columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.runtime.errors import UserError, listed

_WHOLE = re.compile(r"[-+\u2212]?[0-9]+")
# Not a whole number, but the digits after a comma may look like this.
_LIKE_A_FRACTION = re.compile(r"0[0-9]+")
_DEGREES = ("latitude", "longitude")
# How many cells after the degrees may be parts of them.
_RESTS = 2


def refuse_decimal_commas(
    path: Path, rows: Sequence[tuple[int, Sequence[str]]], columns: Mapping[str, int]
) -> None:
    """Raise `UserError` with the rows whose degrees may be parts of degrees with decimal commas.

    rows: the line number and the cells of each. columns: the index of each known column; without latitude and
    longitude nothing is checked. Whole degrees may be correct. They are rejected if one of them, or a cell
    after them, is not written like a whole number, such as 060; and if all of several rows have whole degrees
    with whole numbers after them.
    """
    pair = sorted(columns[name] for name in _DEGREES if name in columns)
    if not pair:
        return
    name = next(name for name in _DEGREES if columns[name] == pair[0])
    end = pair[-1] + 1
    whole, followed, written = 0, [], []
    for line, cells in rows:
        degrees = [cells[column].strip() for column in pair]
        if not all(map(_WHOLE.fullmatch, degrees)):
            continue
        whole += 1
        behind = [cell.strip() for cell in cells[end : end + _RESTS]]
        shown = f"line {line}, column {name}: {','.join(cells[pair[0] : end + _RESTS])}"
        if behind and _WHOLE.fullmatch(behind[0]):
            followed.append(shown)
        if any(map(_LIKE_A_FRACTION.fullmatch, degrees + behind)):
            written.append(shown)
    if suspect := (followed if 1 < len(rows) == whole else []) or written:
        raise UserError(
            f"{path}: {len(suspect)} rows may have decimal commas between commas:{listed(suspect)}",
            hint="write decimal points, or put such numbers in quotes; write whole degrees as 51.0",
        )
