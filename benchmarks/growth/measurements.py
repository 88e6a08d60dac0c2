"""What was measured, one line of JSON each, so that sizes may be measured on different days."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    """One step at one size, in a process of its own.

    seconds: by the clock. busy: seconds that processors worked for it, its children's too. peak: the most
    bytes that the process itself held.
    """

    step: str
    images: int
    seconds: float
    busy: float
    peak: int


def keep(measurement: Measurement, path: Path) -> None:
    """Add a line to the file at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(measurement)) + "\n")


def kept(path: Path) -> list[Measurement]:
    """Read the file at `path`; none is an empty one. Of a step at a size the last line counts."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    return latest(Measurement(**json.loads(line)) for line in lines)


def latest(measurements: Iterable[Measurement]) -> list[Measurement]:
    """The last measurement of each step at each size, in the order in which steps were first seen."""
    by_step: dict[str, dict[int, Measurement]] = {}
    for one in measurements:
        by_step.setdefault(one.step, {})[one.images] = one
    return [sizes[images] for sizes in by_step.values() for images in sorted(sizes)]
