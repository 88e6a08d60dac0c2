"""Drawings as points for the page's templates: recall curves of a test set, and intervals of the headline."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.report.tables.headline import Headline, SetChange
from pipeline.report.tables.results import Results
from pipeline.vpr.results.metrics import MeasuredRecall

WIDTH, HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 12, 14, 30
_TICKS = (0, 25, 50, 75, 100)
# Points of experiments stand side by side, so far apart where there is room for it.
_ASIDE = 5.0
COLOURS, DASHES = 8, 4

# Of the headline's figure: it must be legible 300 pixels wide.
BARS_WIDTH = 400
_BARS_LEFT, _BARS_RIGHT, _ROW, _GROUP = 12, 62, 44, 26


@dataclass(frozen=True)
class Point:
    """A recall in the drawing: x and y, and the y of the ends of its interval; y grows downwards.

    mark: outline of its mark.
    """

    x: float
    y: float
    low: float
    high: float
    mark: str
    text: str


@dataclass(frozen=True)
class Curve:
    """An experiment's recalls; `number` chooses colour, dashes and marks, the same in every chart."""

    experiment: str
    number: int
    points: tuple[Point, ...]

    @property
    def look(self) -> str:
        """Classes of the page's style: its colour and, beyond so many experiments, its dashes."""
        return look(self.number)


@dataclass(frozen=True)
class Chart:
    """The curves of a test set. columns: N and its x. ticks: per cent and its y. chance: points of a line."""

    test_set: str
    columns: tuple[tuple[int, float], ...]
    ticks: tuple[tuple[int, float], ...]
    curves: tuple[Curve, ...]
    chance: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Bar:
    """A recall, lying down: x of its value, of its interval's ends and of chance; y of its line."""

    experiment: str
    when: str
    recall: MeasuredRecall
    x: float
    low: float
    high: float
    chance: float
    y: float


@dataclass(frozen=True)
class Bars:
    """The headline's figure. groups: a name, its y, both recalls. ticks: per cent and x."""

    height: float
    groups: tuple[tuple[str, float, tuple[Bar, Bar]], ...]
    ticks: tuple[tuple[int, float], ...]


def recall_charts(results: Results) -> tuple[Chart, ...]:
    """A chart for each test set, on the same scale of 0 to 100 per cent; N evenly spaced."""
    if not results.experiments:
        return ()
    return tuple(_chart(results, test_set) for test_set in results.test_sets)


def headline_bars(headline: Headline) -> Bars:
    """The first recall that the headline tells, of both experiments, by night and by day."""
    groups, y = [], 0.0
    for change in (headline.night, headline.day):
        y += _GROUP
        named = y - 8
        first = change.changes[0]
        bars = []
        for when, name, recall in (
            ("before", headline.before, first.before),
            ("after", headline.after, first.after),
        ):
            bars.append(_bar(name, when, recall, y + _ROW / 2))
            y += _ROW
        groups.append((_group_name(headline, change), named, (bars[0], bars[1])))
    return Bars(y + 24, tuple(groups), tuple((tick, _bar_x(tick)) for tick in _TICKS))


def look(number: int) -> str:
    """Classes of the style for the experiment of this number."""
    return f"c{number % COLOURS} d{number // COLOURS % DASHES}"


def mark(number: int, x: float, y: float) -> str:
    """The outline of an experiment's mark around a point: a disc, a square, a triangle or a diamond."""
    shapes = (
        "m-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
        "m-3.2 -3.2h6.4v6.4h-6.4z",
        "m0 -4.2l4 7.2h-8z",
        "m0 -4.4l4.4 4.4l-4.4 4.4l-4.4 -4.4z",
    )
    return f"M{x:g} {y:g}{shapes[number % len(shapes)]}"


def _chart(results: Results, test_set: str) -> Chart:
    by_n = results.of(results.experiments[0], test_set).recalls
    columns = len(by_n)
    many = len(results.experiments)
    step = min(_ASIDE, 0.7 * (WIDTH - _LEFT - _RIGHT) / columns / many)
    curves = []
    for number, experiment in enumerate(results.experiments):
        points = []
        for column, (n, recall) in enumerate(results.of(experiment, test_set).recalls.items()):
            # Side by side, so that intervals can be told apart.
            x = round(_x(column, columns) + step * (number - (many - 1) / 2), 1)
            text = f"{experiment}, R@{n}: {recall.percent:.1f} % ({recall.low:.1f} to {recall.high:.1f})"
            y = _y(recall.percent)
            points.append(Point(x, y, _y(recall.low), _y(recall.high), mark(number, x, y), text))
        curves.append(Curve(experiment, number, tuple(points)))
    return Chart(
        test_set,
        tuple((n, _x(column, columns)) for column, n in enumerate(by_n)),
        tuple((tick, _y(tick)) for tick in _TICKS),
        tuple(curves),
        tuple((_x(column, columns), _y(recall.chance)) for column, recall in enumerate(by_n.values())),
    )


def _x(column: int, columns: int) -> float:
    inner = WIDTH - _LEFT - _RIGHT
    return round(_LEFT + inner * (column + 0.5) / columns, 1)


def _y(percent: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * percent / 100, 1)


def _group_name(headline: Headline, change: SetChange) -> str:
    return f"{'Night' if change is headline.night else 'Day'}: {change.test_set}"


def _bar(experiment: str, when: str, recall: MeasuredRecall, y: float) -> Bar:
    x, low, high, chance = map(_bar_x, (recall.percent, recall.low, recall.high, recall.chance))
    return Bar(experiment, when, recall, x, low, high, chance, y)


def _bar_x(percent: float) -> float:
    return round(_BARS_LEFT + (BARS_WIDTH - _BARS_LEFT - _BARS_RIGHT) * percent / 100, 1)
