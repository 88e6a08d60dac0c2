"""Progress bars on the terminal; nothing without a terminal or in a quiet run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

from pipeline.runtime.logging_setup import is_quiet

Item = TypeVar("Item")


def bars_are_wanted() -> bool:
    """Whether standard error is a terminal and the run is not quiet."""
    return sys.stderr.isatty() and not is_quiet()


def progress(
    items: Iterable[Item], *, total: int | None = None, label: str = "", unit: str = "image"
) -> Iterator[Item]:
    """Yield `items` with a progress bar on standard error, if `bars_are_wanted`."""
    yield from tqdm(
        items,
        total=total,
        desc=label,
        unit=f" {unit}",
        disable=not bars_are_wanted(),
        smoothing=0.1,
        leave=False,
    )


@contextmanager
def progress_of_bytes(label: str, done: int, total: int | None) -> Iterator[Callable[[int], object]]:
    """Yield a function that takes the number of new bytes; `done` of `total` were there before.

    Shows amount, rate and time left, if `bars_are_wanted`.
    """
    with tqdm(
        desc=label,
        initial=done,
        total=total,
        unit="B",
        unit_scale=True,
        disable=not bars_are_wanted(),
        leave=False,
    ) as bar:
        yield bar.update
