"""Samples of a dataset, and their true nights if these are available."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from pipeline.datasets.image_set.image_set import ImageRow

Item = TypeVar("Item")

# Renders the true nights of days, which are named by the raw image in its archive.
TrueNights = Callable[[frozenset[str]], Iterator[tuple[str, bytes]]]


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return `count` of `items`, or all if there are fewer, evenly spread over their order."""
    count = min(count, len(items))
    return [items[(2 * index + 1) * len(items) // (2 * count)] for index in range(count)]


def true_nights_of(rows: Sequence[ImageRow], true_nights: TrueNights | None) -> dict[str, bytes]:
    """Render the true night of each of `rows`, encoded, by the day's name; nothing without `true_nights`."""
    if true_nights is None:
        return {}
    # The name in the archive, from `<archive>/<name>`.
    raw = {row.source.partition("/")[2]: row.name for row in rows}
    return {raw[member]: data for member, data in true_nights(frozenset(raw))}
