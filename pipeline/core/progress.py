"""Progress bars on the terminal, and nothing at all when there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def progress(
    items: Iterable[Item], *, total: int | None = None, label: str = "", unit: str = "image"
) -> Iterator[Item]:
    """Yield `items` with a bar of rate and time left on standard error; silent when that is no terminal."""
    yield from tqdm(
        items,
        total=total,
        desc=label,
        unit=f" {unit}",
        disable=not sys.stderr.isatty(),
        smoothing=0.1,
        leave=False,
    )


@contextmanager
def progress_of_bytes(label: str, done: int, total: int | None) -> Iterator[Callable[[int], object]]:
    """Give a function to tell how many more bytes have arrived; `done` of `total` were there before.

    Shows amount, rate and time left; silent when standard error is no terminal.
    """
    with tqdm(
        desc=label,
        initial=done,
        total=total,
        unit="B",
        unit_scale=True,
        disable=not sys.stderr.isatty(),
        leave=False,
    ) as bar:
        yield bar.update
