"""What experiments found, for the page: the worst misses on each test set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.report.results import Results
from pipeline.vpr.misses import FOLDER, Miss, read_misses


@dataclass(frozen=True)
class Finds:
    """The worst misses of an experiment on a test set, and the folder of their pictures."""

    experiment: str
    test_set: str
    folder: Path
    misses: tuple[Miss, ...]


def finds_of(results: Results, budget: int) -> tuple[Finds, ...]:  # noqa: ARG001
    """The misses of every evaluation; errors as `read_misses`."""
    return tuple(
        Finds(experiment, test_set, folder, read_misses(folder))
        for test_set in results.test_sets
        for experiment in results.experiments
        for folder in [results.folder(experiment, test_set) / FOLDER]
    )
