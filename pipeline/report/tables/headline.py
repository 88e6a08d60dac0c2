"""The headline of the page: recall before and after, by night and by day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.core.params import build
from pipeline.report.tables.paired_difference import Paired
from pipeline.report.tables.results import Results
from pipeline.runtime.errors import DusklineError, ParameterError, listed
from pipeline.vpr.results.metrics import MeasuredRecall
from pipeline.vpr.results.predictions import PREDICTIONS, read_predictions

# N of the headline's recalls, the first of them in large type.
TOLD = (1, 5)


@dataclass(frozen=True)
class HeadlineParams:
    """An entry of the section `headline`: a card at the top of the page.

    before: The baseline experiment.
    after: The experiment trained with night images.
    night: The test set on which `after` should find more.
    day: The test set on which `after` may lose some recall.
    """

    before: str
    after: str
    night: str
    day: str

    def __post_init__(self) -> None:
        for one, other in (("before", "after"), ("night", "day")):
            if getattr(self, one) == getattr(self, other):
                raise ValueError(f"{one} and {other} must differ, both are {getattr(self, one)}")


@dataclass(frozen=True)
class Change:
    """recall@`n` of two experiments on the same queries.

    points, low, high: the difference in percentage points and its 95 % interval (Newcombe's for pairs).
    """

    n: int
    before: MeasuredRecall
    after: MeasuredRecall
    pairs: Paired
    points: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What the interval shows: "more", "fewer", or "open" if it contains 0."""
        if self.low > 0:
            return "more"
        return "fewer" if self.high < 0 else "open"


@dataclass(frozen=True)
class SetChange:
    """The changes on a test set, one for each N of `TOLD`; queries: their number."""

    test_set: str
    queries: int
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Headline:
    """Two experiments on a night and a day test set; name: that of the entry."""

    name: str
    before: str
    after: str
    night: SetChange
    day: SetChange


def read_headlines(section: Mapping[str, Any], results: Results) -> tuple[Headline, ...]:
    """Compare the two experiments of each entry of `section`, query by query, in the order of the entries.

    Raises `ParameterError` for an invalid entry or names that are not in `results`, `DusklineError` if
    predictions do not match the metrics or have different queries.
    """
    return tuple(_headline(str(name), entry, results) for name, entry in section.items())


def _headline(name: str, entry: Any, results: Results) -> Headline:
    where = f"headline.{name}"
    if not isinstance(entry, Mapping):
        raise ParameterError(f"{where}: must be a section, not {entry!r}")
    asked = build(HeadlineParams, entry, where)
    for named, known, what in (
        ((asked.before, asked.after), results.experiments, "experiments"),
        ((asked.night, asked.day), results.test_sets, "test sets"),
    ):
        if unknown := [one for one in named if one not in known]:
            raise ParameterError(
                f"{where}: no such {what}: {', '.join(unknown)}; known are:{listed(known, 60)}",
                hint="name existing ones, or remove the entry: the page then leaves it out",
            )
    night, day = (_change(results, asked, test_set) for test_set in (asked.night, asked.day))
    return Headline(name, asked.before, asked.after, night, day)


def _change(results: Results, asked: HeadlineParams, test_set: str) -> SetChange:
    found = {name: _first_right(results, name, test_set) for name in (asked.before, asked.after)}
    before, after = found.values()
    metrics = [results.of(name, test_set) for name in found]
    if before.keys() != after.keys() or metrics[0].set_digest != metrics[1].set_digest:
        raise DusklineError(
            f"{asked.before} and {asked.after} were not evaluated on the same queries of {test_set}",
            hint=f"run: dvc repro evaluate@{asked.before}-{test_set} evaluate@{asked.after}-{test_set}",
        )
    changes = []
    for n in TOLD:
        hits = [(before[query] <= n, after[query] <= n) for query in before]
        pairs = Paired(
            *(hits.count(case) for case in ((True, True), (True, False), (False, True), (False, False)))
        )
        points, low, high = (100 * share for share in pairs.difference())
        changes.append(Change(n, metrics[0].recalls[n], metrics[1].recalls[n], pairs, points, low, high))
    return SetChange(test_set, len(before), tuple(changes))


def _first_right(results: Results, experiment: str, test_set: str) -> dict[str, float]:
    """The rank of each query's first correct match, infinite if there is none."""
    path = results.folder(experiment, test_set) / PREDICTIONS
    first: dict[str, float] = {}
    for found in read_predictions(path):
        rank = found.rank if found.correct else float("inf")
        first[found.query] = min(rank, first.get(found.query, rank))
    metrics = results.of(experiment, test_set)
    counted = {n: sum(rank <= n for rank in first.values()) for n in TOLD}
    if len(first) != metrics.queries or any(metrics.recalls[n].hits != counted[n] for n in TOLD):
        raise DusklineError(
            f"{path} does not match the metrics beside it",
            hint=f"run: dvc repro --force evaluate@{experiment}-{test_set}",
        )
    return first
