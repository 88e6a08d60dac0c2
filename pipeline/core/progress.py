"""Progress bars on the terminal, and nothing at all when there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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
