"""Coordinates in the page's charts, and the style of each experiment; the templates draw.

Recall curves of a test set have N, evenly spaced, on the x axis, and 0 to 100 percent on the y axis. The
headline has horizontal bars.
"""

from __future__ import annotations

WIDTH, HEIGHT = 480, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 12, 14, 30
# Distance between the points of experiments in a column, if there is room for it.
_ASIDE = 5.0
COLOURS, DASHES = 8, 4

# Of the headline's figure, which must be legible at a width of 300 pixels.
BARS_WIDTH = 400
_BARS_LEFT, _BARS_RIGHT = 12, 62


def chart_x(column: int, columns: int, number: int = 0, many: int = 1) -> float:
    """The x of the point of experiment `number` (of `many`) in a column."""
    inner = WIDTH - _LEFT - _RIGHT
    middle = round(_LEFT + inner * (column + 0.5) / columns, 1)
    step = min(_ASIDE, 0.7 * inner / columns / many)
    # Side by side, so that intervals do not overlap.
    return round(middle + step * (number - (many - 1) / 2), 1)


def chart_y(percent: float) -> float:
    """The y of a recall, which grows downwards."""
    return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * percent / 100, 1)


def bar_x(percent: float) -> float:
    """The x of a recall in a horizontal bar."""
    return round(_BARS_LEFT + (BARS_WIDTH - _BARS_LEFT - _BARS_RIGHT) * percent / 100, 1)


def look(number: int) -> str:
    """CSS classes for the experiment of this number: its colour, and its dashes when colours repeat."""
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
