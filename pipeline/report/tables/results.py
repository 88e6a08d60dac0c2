"""The metrics of the experiments and test sets in params.yaml."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.vpr.results.metrics import Metrics, read_metrics


@dataclass(frozen=True)
class Results:
    """The metrics below `root` of each experiment on each test set, both in the order of the parameters."""

    root: Path
    experiments: tuple[str, ...]
    test_sets: tuple[str, ...]
    metrics: dict[tuple[str, str], Metrics]

    def of(self, experiment: str, test_set: str) -> Metrics:
        """The metrics of an experiment on a test set."""
        return self.metrics[experiment, test_set]

    def folder(self, experiment: str, test_set: str) -> Path:
        """The folder of an evaluation."""
        return self.root / experiment / test_set


def read_results(root: Path, experiments: Iterable[str], test_sets: Iterable[str]) -> Results:
    """Read `root`/<experiment>/<test set> for each pair, and nothing else that may be there.

    Raises `MissingInputError` if one is not evaluated, `DusklineError` if a folder has the metrics of
    another.
    """
    rows, columns = tuple(experiments), tuple(test_sets)
    metrics = {(row, column): _read(root, row, column) for row in rows for column in columns}
    return Results(root, rows, columns, metrics)


def _read(root: Path, experiment: str, test_set: str) -> Metrics:
    folder = root / experiment / test_set
    stage = f"evaluate@{experiment}-{test_set}"
    if not folder.is_dir():
        raise MissingInputError(
            f"{experiment} was not evaluated on {test_set}: no {folder}", hint=f"run: dvc repro {stage}"
        )
    metrics = read_metrics(folder)
    if (metrics.experiment, metrics.test_set) != (experiment, test_set):
        raise DusklineError(
            f"{folder} has the metrics of {metrics.experiment} on {metrics.test_set}",
            hint=f"run: dvc repro --force {stage}",
        )
    return metrics
