"""The night image of each day image, in a dataset with both."""

from __future__ import annotations

import logging
from dataclasses import replace

from pipeline.datasets.image_set.image_names import night_name
from pipeline.datasets.image_set.image_set import SUFFIXES, ImageRow
from pipeline.runtime.errors import NameFormatError
from pipeline.vpr.inputs.split_images import SplitImages

_LOG = logging.getLogger(__name__)


def night_twins(days: SplitImages, *, warn: bool = True) -> SplitImages | None:
    """The night images of `days` in their dataset, in the same order; None when it has none of them.

    A day image without a night, which could not be made or was left out, is used in its place; `warn` logs
    how many there are.
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
    """Possible names of the night of `day`; none if `day` itself has the name of a night."""
    try:
        return [night_name(day.name, suffix) for suffix in SUFFIXES]
    except NameFormatError:
        return []
