"""The night of each day of a set that holds both."""

from __future__ import annotations

import logging
from dataclasses import replace

from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import SUFFIXES, ImageRow
from pipeline.runtime.errors import NameFormatError
from pipeline.vpr.inputs.split_images import SplitImages

_LOG = logging.getLogger(__name__)


def night_twins(days: SplitImages, *, warn: bool = True) -> SplitImages | None:
    """The nights of `days` that their set holds, in the order of the days; None when it holds none of them.

    A day that alone has no night, because that could not be made or was left out, stands for it itself; how
    many these are is said, unless not to `warn`.
    """
    known = {row.name: row for row in days.images.rows if row.time_of_day == "night"}
    found = [next((known[name] for name in _names(row) if name in known), None) for row in days.rows]
    lacking = found.count(None)
    if lacking == len(found):
        return None
    if lacking and warn:
        _LOG.warning(
            "%d of %d training queries of %s have no night image and are used by day only",
            lacking,
            len(days),
            days.images.root,
        )
    return replace(days, rows=tuple(night or day for day, night in zip(days.rows, found, strict=True)))


def _names(day: ImageRow) -> list[str]:
    """What the night of `day` may be called; nothing where it has the name of a night itself."""
    try:
        return [night_name(day.name, suffix) for suffix in SUFFIXES]
    except NameFormatError:
        return []
