"""Translates the same days with every available translator, for one labelled sheet and a table of metrics.

The paper chose its translator by eye from such a sheet (its Figure 3); here metrics are shown with the
images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.core.files import replaced_folder, write_bytes
from pipeline.core.image_io import encode, read_rgb, small_jpeg
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.night.comparison import image_metrics
from pipeline.night.comparison.comparison_files import SHEET, Measured, Shown, write_compared
from pipeline.night.comparison.contact_sheet import draw_contact_sheet
from pipeline.night.comparison.samples import TrueNights, spread, true_nights_of
from pipeline.night.records.translator import MakeTranslator
from pipeline.runtime.errors import DusklineError, ParameterError, SetError, listed
from pipeline.runtime.progress import progress

_SHEET_QUALITY = 85
# Pixels of the longest side of the single images.
_LONGEST = 400

Pictures = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Candidate:
    """A translator to compare: its `name` on the sheet, and how to build it.

    kind: "photometric", or "checkpoint", which is replaced by its translator's kind when that is built. Its
    nights have the size of their days. optional: whether it is left out if it cannot be built, or cannot
    translate one of the days.
    """

    kind: str
    name: str
    make: MakeTranslator
    optional: bool


@dataclass(frozen=True)
class _Column:
    kind: str
    name: str
    pictures: Pictures
    digest: str = ""
    reason: str = ""
    optional: bool = False


def compare_translators(
    folder: Path,
    day: ImageSet,
    split: str,
    count: int,
    candidates: Sequence[Candidate],
    true_nights: TrueNights | None,
) -> tuple[Measured, ...]:
    """Put `count` days of `split`, evenly spread, and their nights by `candidates` into `folder`.

    With `true_nights` these come last, and metrics compare each translator with them. An optional candidate
    that cannot be used is named on the sheet and in the metrics with the reason. Returns the metrics, in the
    order of the columns. Raises `ParameterError` for less than one image, `SetError` if the split is empty,
    and `DusklineError` if there are optional candidates and none can be used.
    """
    if count < 1:
        raise ParameterError(f"a comparison needs at least one image, not {count}")
    rows = spread(day.where(split), count)
    if not rows:
        raise SetError(f"the split {split} of {day.root} is empty, so there is nothing to compare")
    days = tuple(read_rgb(day.read(row), label=row.name) for row in rows)
    columns = [_Column("day", "day", days), *_nights(days, candidates)]
    _require_one(columns)
    drawn = true_nights_of(rows, true_nights)
    true = tuple(read_rgb(drawn[row.name]) for row in rows) if drawn else None
    if true is not None:
        columns.append(_Column("true night", "true night", true))
        _require_alike(days, true)
    measured = tuple(_measured(column, days, true) for column in columns)
    with replaced_folder(folder, _is_comparison, "a comparison") as beside:
        sheet = draw_contact_sheet(
            f"{day.root.name}, {split}: {len(days)} days", measured, [column.pictures for column in columns]
        )
        write_bytes(beside / SHEET, encode(sheet, ".jpg", quality=_SHEET_QUALITY))
        write_compared(beside, measured, _write_pictures(beside, rows, columns))
    return measured


def _nights(days: Pictures, candidates: Sequence[Candidate]) -> Iterator[_Column]:
    """One translator after the other, so that only one is in memory."""
    for candidate in progress(candidates, total=len(candidates), label="compare", unit="translator"):
        column = _Column(candidate.kind, candidate.name, (), optional=candidate.optional)
        try:
            translator = candidate.make()
            column = replace(column, kind=translator.record()["translator"], digest=translator.digest)
            yield replace(column, pictures=tuple(translator(picture) for picture in days))
        except (DusklineError, ValueError) as error:
            if not candidate.optional:
                raise
            reason = error.message if isinstance(error, DusklineError) else str(error)
            yield replace(column, reason=reason)


def _require_alike(days: Pictures, true: Pictures) -> None:
    for day, night in zip(days, true, strict=True):
        if day.shape != night.shape or min(day.shape[:2]) < image_metrics.SSIM_WINDOW:
            sizes = " and ".join(f"{picture.shape[1]}x{picture.shape[0]}" for picture in (day, night))
            raise ParameterError(
                f"true_nights: a day and its true night have {sizes} pixels; they must have the same size,"
                f" with sides of at least {image_metrics.SSIM_WINDOW} pixels",
                hint="name the source and raw form that the day dataset was formatted from",
            )


def _require_one(columns: Sequence[_Column]) -> None:
    asked = [column for column in columns if column.optional]
    if asked and all(column.reason for column in asked):
        reasons = listed(f"{column.name}: {column.reason}" for column in asked)
        raise DusklineError(f"none of the {len(asked)} checkpoints can be used:{reasons}")


def _measured(column: _Column, days: Pictures, true: Pictures | None) -> Measured:
    to_true = None if true is None or column.kind == "true night" else true
    return Measured(
        column.kind,
        column.name,
        len(column.pictures),
        _mean(image_metrics.brightness, column.pictures),
        _mean(image_metrics.contrast, column.pictures),
        _mean(image_metrics.visible_edges, days, column.pictures),
        _mean(image_metrics.psnr, column.pictures, to_true),
        _mean(image_metrics.ssim, column.pictures, to_true),
        column.digest,
        column.reason,
    )


def _mean(measure: Callable[..., float], *pictures: Pictures | None) -> float | None:
    """The mean of a measure of one image or two; None without images."""
    if not all(pictures):
        return None
    values = [measure(*side_by_side) for side_by_side in zip(*pictures, strict=True)]
    return math.fsum(values) / len(values)


def _write_pictures(folder: Path, rows: Sequence[ImageRow], columns: Sequence[_Column]) -> list[Shown]:
    shown = []
    for number, row in enumerate(rows):
        for place, column in enumerate(columns):
            if column.pictures:
                # Names of checkpoints may have any characters.
                shown.append(Shown(row.name, column.kind, column.name, f"{number + 1:02d}_{place:02d}.jpg"))
                write_bytes(folder / shown[-1].file, small_jpeg(column.pictures[number], _LONGEST))
    return shown


def _is_comparison(folder: Path) -> bool:
    return (folder / SHEET).is_file()
