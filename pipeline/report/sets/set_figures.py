"""Figures of a dataset as SVG: a map of its standpoints (no network needed), and its brightness."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape

# Colours that differ on light and dark backgrounds, also for the colour-blind.
_COLOURS = {
    "database": "#8a93a0",
    "day": "#c98a00",
    "sunset": "#d2553d",
    "night": "#5b6ee1",
    "unknown": "#3f9c6d",
}
_WIDTH, _HEIGHT, _MARGIN, _HEAD = 640, 480, 16, 44
# A group with more points is drawn as one point for each cell of a grid, which looks the same.
_MANY, _CELLS = 4000, 240


# Standpoints, (east, north) in metres, by group ("database", "queries, night", ...).
Groups = Mapping[str, Sequence[tuple[float, float]]]


def draw_map(title: str, splits: Mapping[str, Groups], unit: str = "m") -> str:
    """Draw the standpoints of each split, side by side, north up.

    Splits may be far apart, so each has its own scale, the same along both axes, shown by a bar in `unit`,
    the unit of positions.
    """
    wide = (_WIDTH - _MARGIN) / len(splits) - _MARGIN
    body: list[str] = []
    words = []
    for number, (split, groups) in enumerate(splits.items()):
        body += _panel(split, groups, _MARGIN + number * (wide + _MARGIN), wide, unit)
        counts = ", ".join(f"{len(group):,} standpoints of {name}" for name, group in groups.items())
        west, south, east, north = _bounds(groups)
        extent = (
            f"{east - west:,.0f} {unit} from west to east, {north - south:,.0f} {unit} from south to north"
        )
        words.append(f"{split}: {counts}; {extent}.")
    names = dict.fromkeys(name for groups in splits.values() for name in groups)
    return _svg(f"Map of {title}", f"{' '.join(words)} North is up.", [*_legend(list(names)), *body])


def _panel(split: str, groups: Groups, left: float, wide: float, unit: str) -> Iterator[str]:
    west, south, east, north = _bounds(groups)
    top, high = _HEAD + 28, _HEIGHT - _HEAD - 28 - 3 * _MARGIN
    scale = min(wide / max(east - west, 1.0), high / max(north - south, 1.0))
    aside, below = (wide - scale * (east - west)) / 2, (high - scale * (north - south)) / 2

    def place(point: tuple[float, float]) -> tuple[float, float]:
        return left + aside + scale * (point[0] - west), top + below + scale * (north - point[1])

    yield f'<text x="{left:.1f}" y="{_HEAD + 14}" font-weight="600">{escape(split)}</text>'
    for name, group in groups.items():
        dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in _thinned([place(point) for point in group]))
        size = 3 if name == "database" else 5
        yield f'<path d="{dots}" stroke="{_colour(name)}" stroke-width="{size}" stroke-linecap="round"/>'
    yield from _bar(left, wide, scale, unit)


def _bounds(groups: Groups) -> tuple[float, float, float, float]:
    points = [point for group in groups.values() for point in group]
    east, north = ([point[axis] for point in points] for axis in (0, 1))
    return min(east), min(north), max(east), max(north)


def draw_brightness(title: str, counts: Mapping[str, Sequence[int]]) -> str:
    """Draw the histogram of brightness: counts by mean luma, in equal steps from 0 to 255."""
    most = max(1, *(count for group in counts.values() for count in group))
    bottom, right = _HEIGHT - 36, _WIDTH - _MARGIN
    body = [f'<path class="axis" d="M{_MARGIN} {bottom}H{right}" stroke="currentColor" stroke-opacity=".4"/>']
    for level in (0, 64, 128, 192, 255):
        x = _MARGIN + (right - _MARGIN) * level / 255
        body.append(f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{level}</text>')
    for name, group in counts.items():
        step = (right - _MARGIN) / len(group)
        heights = [(bottom - _HEAD - _MARGIN) * count / most for count in group]
        path = f"M{_MARGIN} {bottom}" + "".join(
            f"V{bottom - height:.1f}H{_MARGIN + step * (number + 1):.1f}"
            for number, height in enumerate(heights)
        )
        body.append(
            f'<path d="{path}V{bottom}Z" fill="{_colour(name)}" fill-opacity=".35" stroke="{_colour(name)}"/>'
        )
    words = ", ".join(f"{sum(group):,} {name}" for name, group in counts.items())
    return _svg(
        f"Brightness of {title}",
        f"Images by their mean luma, 0 black to 255 white: {words}.",
        [*_legend(list(counts)), *body],
    )


def _thinned(places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(places) <= _MANY:
        return places
    cell = _WIDTH / _CELLS
    cells = {(math.floor(x / cell), math.floor(y / cell)) for x, y in places}
    return [((x + 0.5) * cell, (y + 0.5) * cell) for x, y in sorted(cells)]


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = _MARGIN
    for name in names:
        yield f'<circle cx="{x + 5}" cy="30" r="5" fill="{_colour(name)}"/>'
        yield f'<text x="{x + 16}" y="35">{escape(name)}</text>'
        x += 34 + 8 * len(name)


def _bar(left: float, wide: float, scale: float, unit: str) -> Iterator[str]:
    """A bar of a round number of metres, or frames, at most a third of the panel long."""
    wanted = wide / 3 / scale
    length = 10 ** math.floor(math.log10(wanted))
    length *= max(factor for factor in (1, 2, 5) if factor * length <= wanted)
    y = _HEIGHT - _MARGIN
    yield f'<path d="M{left:.1f} {y}h{scale * length:.1f}" stroke="currentColor" stroke-width="3"/>'
    yield f'<text x="{left:.1f}" y="{y - 8}">{length:,g} {unit}</text>'


def _colour(name: str) -> str:
    return _COLOURS[name.removeprefix("queries, ")]


def _svg(title: str, description: str, body: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" fill="none">',
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(description)}</desc>",
            "<style>svg{color:#222;font:14px system-ui,sans-serif}text{fill:currentColor}"
            "@media(prefers-color-scheme:dark){svg{color:#ddd}}</style>",
            *body,
            "</svg>",
            "",
        ]
    )
