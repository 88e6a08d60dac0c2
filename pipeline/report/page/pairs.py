"""Pairs of day and night images, one over the other: as many as the page has space for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import escape

from pipeline.core.files import require_file
from pipeline.night.comparison.samples import spread
from pipeline.report.page.data_uris import data_uri, in_base64
from pipeline.report.sets.sheet import Sample, read_sheet

# Characters of the section, and of each pair without its images and names.
_SECTION, _PAIR = 4_000, 1_100


@dataclass(frozen=True)
class Pair:
    """A sample of a night dataset; `pictures`: its day, night and, if any, true night, as data URIs."""

    set: str
    sample: Sample
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Pairs:
    """The pairs on the page; of: how many the sheets have."""

    shown: tuple[Pair, ...]
    of: int

    def __bool__(self) -> bool:
        """Whether there are any to show."""
        return self.of > 0

    @property
    def true_nights(self) -> bool:
        """Whether any of them has a true night."""
        return any(pair.sample.true_night for pair in self.shown)


def pairs_of(sheets: Sequence[Path], budget: int) -> Pairs:
    """The samples of all `sheets` (folders), or as many as fit into `budget` bytes of the page.

    The choice is spread evenly. Errors as in `read_sheet`; `MissingInputError` for a missing image.
    """
    samples = [(folder, sample) for folder in sheets for sample in read_sheet(folder)]
    count = len(samples)
    while count and _SECTION + sum(_bytes(*one) for one in spread(samples, count)) > budget:
        count -= 1
    return Pairs(tuple(_pair(*one) for one in spread(samples, count)), len(samples))


def _pair(folder: Path, sample: Sample) -> Pair:
    return Pair(folder.name, sample, tuple(data_uri(path.read_bytes()) for path in _pictures(folder, sample)))


def _pictures(folder: Path, sample: Sample) -> list[Path]:
    names = (sample.day, sample.night, sample.true_night)
    return [require_file(folder / name) for name in names if name]


def _bytes(folder: Path, sample: Sample) -> int:
    pictures = sum(in_base64(path.stat().st_size) for path in _pictures(folder, sample))
    # Each occurs a few times: as data, as text, in the selection.
    names = (sample.name, sample.place, sample.place, sample.place, folder.name, folder.name)
    return _PAIR + pictures + 2 * sum(len(escape(name)) for name in names)
