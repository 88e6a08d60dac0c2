"""The browser of retrieved images, and its map, within the space that the page has for it.

The most informative query results come first, evenly over the evaluations. Their numbers take up to half of
the space, which fits all of them for most projects; their images take the rest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup, escape

from pipeline.report.page.map_points import decimetres, drawn_standpoints
from pipeline.report.page.matches_document import (
    ShownEvaluation,
    ShownPictures,
    ShownSet,
    document_of,
    in_script,
)
from pipeline.report.tables.results import Results
from pipeline.runtime.errors import DusklineError
from pipeline.vpr.results.ground_truth import read_nearest, read_standpoints
from pipeline.vpr.results.predictions import PREDICTIONS, read_predictions
from pipeline.vpr.results.query_results import QueryResult, examples_first, query_results
from pipeline.vpr.results.thumbnails import COPIES, Thumbnails

# Characters of the section, of each test set and of each evaluation, without names and results.
_SECTION, _SET, _EVALUATION = 6_000, 200, 400


@dataclass(frozen=True)
class Matches:
    """What the browser shows. document: JSON, safe in a script element."""

    evaluations: tuple[ShownEvaluation, ...]
    document: Markup

    def __bool__(self) -> bool:
        """Whether there are any to show."""
        return bool(self.evaluations)

    @property
    def queries(self) -> int:
        """Number of query results in all evaluations."""
        return sum(len(one.telling) for one in self.evaluations)

    @property
    def listed(self) -> int:
        """Number of results in the lists."""
        return sum(len(one.listed) for one in self.evaluations)

    @property
    def pictured(self) -> int:
        """Number of results with images."""
        return sum(one.pictured for one in self.evaluations)


class _Room:
    """Bytes that are still free."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, wanted: int) -> bool:
        """Take `wanted` bytes if that many are free."""
        fits = wanted <= self.left
        self.left -= wanted if fits else 0
        return fits


def browsed_matches(results: Results, budget: int) -> Matches:
    """The matches of each of `results`, as many as fit into `budget` bytes of the page.

    Errors as in `read_predictions`, `read_standpoints`, `read_nearest` and `Thumbnails`; `DusklineError` also
    if these belong to different evaluations.
    """
    sets = [_set(results, test_set) for test_set in results.test_sets if results.experiments]
    evaluations = [
        _evaluation(results, experiment, one) for one in sets for experiment in results.experiments
    ]
    frame = _SECTION + sum(map(_bytes_of_set, sets)) + sum(map(_bytes_of_evaluation, evaluations))
    numbers = _Room(budget // 2 - frame)
    for evaluation, answer in _in_turn((one, one.telling) for one in evaluations):
        if not numbers.take(evaluation.bytes_to_list(answer)):
            break
        evaluation.put(answer)
    pictures = ShownPictures()
    room = _Room(budget - budget // 2 + numbers.left)
    for evaluation, answer in _in_turn((one, one.listed) for one in evaluations):
        copies = evaluation.pictures(answer)
        if not room.take(pictures.bytes_to_show(evaluation, copies)):
            break
        if copies:
            pictures.show(evaluation, copies)
    return Matches(tuple(evaluations), document_of(sets, evaluations, pictures))


def _set(results: Results, test_set: str) -> ShownSet:
    # The ground truth is the same for all experiments.
    folder = results.folder(results.experiments[0], test_set)
    metrics = results.of(results.experiments[0], test_set)
    standpoints = read_standpoints(folder)
    places = standpoints[:, :2]
    origin = tuple(float(value) for value in places.min(0)) if len(places) else (0.0, 0.0)
    return ShownSet(
        test_set,
        metrics.radius,
        metrics.positions_in,
        max(metrics.recalls),
        read_nearest(folder),
        (origin[0], origin[1]),
        decimetres(drawn_standpoints(places), (origin[0], origin[1])),
        (len(standpoints), int(standpoints[:, 2].sum())),
    )


def _evaluation(results: Results, experiment: str, shown_set: ShownSet) -> ShownEvaluation:
    folder = results.folder(experiment, shown_set.name)
    answers = query_results(read_predictions(folder / PREDICTIONS))
    lost = next((answer.query for answer in answers if answer.query not in shown_set.nearest), None)
    if lost is not None:
        raise DusklineError(
            f"{folder / PREDICTIONS} has a query that the first experiment's evaluation on {shown_set.name} "
            f"does not have: {lost}",
            hint=f"evaluate both on the same dataset: dvc repro evaluate@{experiment}-{shown_set.name}",
        )
    return ShownEvaluation(experiment, shown_set, examples_first(answers), Thumbnails(folder / COPIES))


def _in_turn(
    evaluations: Iterable[tuple[ShownEvaluation, list[QueryResult]]],
) -> Iterator[tuple[ShownEvaluation, QueryResult]]:
    """The first result of each evaluation, then the second of each, and so on."""
    evaluation_of = [[(evaluation, answer) for answer in answers] for evaluation, answers in evaluations]
    for turn in itertools.zip_longest(*evaluation_of):
        yield from (one for one in turn if one is not None)


def _bytes_of_set(one: ShownSet) -> int:
    return _SET + len(in_script(one.name)) + len(in_script(one.standpoints))


def _bytes_of_evaluation(one: ShownEvaluation) -> int:
    longest = max((len(escape(answer.query)) for answer in one.telling), default=0)
    return _EVALUATION + longest + 3 * len(escape(one.experiment)) + len(escape(one.shown_set.name))
