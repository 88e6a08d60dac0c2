"""Recall curves as points of a small drawing, one for each test set; the page's template draws them."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.report.results import Results

WIDTH, HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 12, 14, 30
_TICKS = (0, 25, 50, 75, 100)


@dataclass(frozen=True)
class Point:
    """A recall in the drawing: x and y, and the y of the ends of its interval; y grows downwards."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Curve:
    """An experiment's recalls; `number` chooses its colour, the same in every chart."""

    experiment: str
    number: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Chart:
    """The curves of a test set. columns: N and its x. ticks: per cent and its y. chance: points of a line."""

    test_set: str
    columns: tuple[tuple[int, float], ...]
    ticks: tuple[tuple[int, float], ...]
    curves: tuple[Curve, ...]
    chance: tuple[tuple[float, float], ...]


def recall_charts(results: Results) -> tuple[Chart, ...]:
    """A chart for each test set, on the same scale of 0 to 100 per cent; N evenly spaced."""
    if not results.experiments:
        return ()
    return tuple(_chart(results, test_set) for test_set in results.test_sets)


def _chart(results: Results, test_set: str) -> Chart:
    curves = []
    for number, experiment in enumerate(results.experiments):
        recalls = results.of(experiment, test_set).recalls
        # Side by side, so that intervals can be told apart.
        aside = 3 * (number - (len(results.experiments) - 1) / 2)
        points = tuple(
            Point(
                _x(column, len(recalls)) + aside,
                _y(recall.percent),
                _y(recall.low),
                _y(recall.high),
                f"{experiment}, R@{n}: {recall.percent:.1f} % ({recall.low:.1f} to {recall.high:.1f})",
            )
            for column, (n, recall) in enumerate(recalls.items())
        )
        curves.append(Curve(experiment, number, points))
    by_n = results.of(results.experiments[0], test_set).recalls
    return Chart(
        test_set,
        tuple((n, _x(column, len(by_n))) for column, n in enumerate(by_n)),
        tuple((tick, _y(tick)) for tick in _TICKS),
        tuple(curves),
        tuple((_x(column, len(by_n)), _y(recall.chance)) for column, recall in enumerate(by_n.values())),
    )


def _x(column: int, columns: int) -> float:
    inner = WIDTH - _LEFT - _RIGHT
    return round(_LEFT + inner * (column + 0.5) / columns, 1)


def _y(percent: float) -> float:
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * percent / 100, 1)
