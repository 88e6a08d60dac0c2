"""The recalls of an experiment on a test set, as the JSON that `dvc metrics` and the report read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from pipeline.core.files import read_json, write_json
from pipeline.runtime.errors import DusklineError

METRICS = "metrics.json"


@dataclass(frozen=True)
class MeasuredRecall:
    """recall@N: `hits` queries; in per cent: their share, its 95 % interval (Wilson), the chance level."""

    hits: int
    percent: float
    low: float
    high: float
    chance: float

    @property
    def above_chance(self) -> bool:
        """Whether the lower bound is above chance."""
        return self.low > self.chance


# Fields that are empty in most results.
_SELDOM = ("positions_in", "described")


@dataclass(frozen=True)
class Metrics:
    """An experiment on a test set.

    trained_on, set_digest: digests of the manifests of the model's training set and of the test set.
    learnt_from: in words, how the model was trained; "" for a model of others. database, queries: numbers of
    images. queries_without_positives: they count as misses. radius: metres. protocol: in words, how recall is
    counted. numeric_path: the arithmetic. recalls: by N, ascending. positions_in: unit of radius and
    distances: "frames", or "" for metres. described: in words, which of two combined models describes what;
    "" for one model.
    """

    experiment: str
    model: str
    trained_on: str
    learnt_from: str
    test_set: str
    set_digest: str
    database: int
    queries: int
    queries_without_positives: int
    radius: float
    protocol: str
    numeric_path: str
    recalls: Mapping[int, MeasuredRecall]
    positions_in: str = ""
    described: str = ""


def write_metrics(folder: Path, metrics: Metrics) -> None:
    """Write the metrics into `folder`; numbers with three decimals, fields of `_SELDOM` only if not empty."""
    document = {name: value for name, value in asdict(metrics).items() if value or name not in _SELDOM}
    document["recalls"] = {
        str(n): {name: round(value, 3) for name, value in asdict(recall).items()}
        for n, recall in metrics.recalls.items()
    }
    write_json(folder / METRICS, document)


def read_metrics(folder: Path) -> Metrics:
    """Read the metrics in `folder`; `DusklineError` when they are missing or invalid."""
    path = folder / METRICS
    document = read_json(path)
    try:
        recalls = {
            n: MeasuredRecall(**document["recalls"][str(n)]) for n in sorted(map(int, document["recalls"]))
        }
        document = dict.fromkeys(_SELDOM, "") | document
        values = {field.name: document[field.name] for field in fields(Metrics)}
        return Metrics(**values | {"recalls": recalls})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DusklineError(f"{path} does not contain the metrics of an evaluation: {error!r}") from error
