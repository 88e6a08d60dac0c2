"""The growth of one step: its exponent, what one image more costs, and whether n log n bounds it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.growth.measurements import Measurement

# Two runs of one step differ by so much on a machine that does nothing else.
_NOISE = 0.15


@dataclass(frozen=True)
class Curve:
    """Measurements of one step, the smallest size first; two sizes at least for what follows."""

    points: tuple[Measurement, ...]

    @property
    def exponent(self) -> float:
        """The slope of log seconds over log images, by least squares: 1 is linear growth."""
        images = np.log([point.images for point in self.points])
        seconds = np.log([point.seconds for point in self.points])
        return float(np.polyfit(images, seconds, 1)[0])

    @property
    def against_n_log_n(self) -> float:
        """How many times seconds / (n log n) became what they were, from the last but one size to the last.

        Above 1 it grows faster than n log n, 1 is just as fast, and what costs the same at any size
        (to start Python, say) brings it below.
        """
        before, last = self.points[-2:]
        return (last.seconds / _n_log_n(last.images)) / (before.seconds / _n_log_n(before.images))

    @property
    def verdict(self) -> str:
        """In a word, what becomes of seconds / (n log n)."""
        ratio = self.against_n_log_n
        return "falls" if ratio < 1 - _NOISE else "stays" if ratio <= 1 + _NOISE else "**grows**"

    @property
    def seconds_an_image(self) -> float:
        """What one image more takes, between the two largest sizes: without what any size costs."""
        before, last = self.points[-2:]
        return max(0.0, last.seconds - before.seconds) / (last.images - before.images)

    @property
    def bytes_an_image(self) -> float:
        """What one image more holds at the peak, between the two largest sizes."""
        before, last = self.points[-2:]
        return max(0, last.peak - before.peak) / (last.images - before.images)

    def seconds(self, images: int) -> float:
        """Extrapolate to `images`, more than were measured, as n log n from the largest size on."""
        last = self.points[-1]
        return last.seconds + self.seconds_an_image * (
            images * math.log(images) / math.log(last.images) - last.images
        )

    def peak(self, images: int) -> float:
        """Extrapolate the bytes held at the peak to `images`, in a straight line."""
        last = self.points[-1]
        return last.peak + self.bytes_an_image * (images - last.images)


def curves(measurements: Sequence[Measurement]) -> dict[str, Curve]:
    """The curve of each step, in the order given."""
    steps = dict.fromkeys(one.step for one in measurements)
    return {
        step: Curve(tuple(sorted((one for one in measurements if one.step == step), key=_images)))
        for step in steps
    }


def table(measurements: Sequence[Measurement]) -> str:
    """The measurements and their growth as a Markdown table; with one size, only what was measured."""
    sizes = sorted({one.images for one in measurements})
    heads = ["", *(f"{size:,} images" for size in sizes)]
    growth = ["exponent", "seconds / (n log n)", "ms an image", "kB an image"]
    lines = ["| " + " | ".join(heads + growth) + " |", "|---" * (len(heads) + len(growth)) + "|"]
    for step, curve in curves(measurements).items():
        by_size = {point.images: point for point in curve.points}
        cells = [_cell(by_size.get(size)) for size in sizes]
        cells += _growth(curve) if len(curve.points) > 1 else [""] * len(growth)
        lines.append("| " + " | ".join([step, *cells]) + " |")
    return "\n".join(lines)


def _growth(curve: Curve) -> list[str]:
    return [
        f"{curve.exponent:.2f}",
        f"{curve.verdict} ({curve.against_n_log_n:.2f})",
        f"{1000 * curve.seconds_an_image:.3f}",
        f"{curve.bytes_an_image / 1000:.2f}",
    ]


def _cell(point: Measurement | None) -> str:
    return f"{point.seconds:.1f} s ({point.busy:.1f}), {point.peak / 1e6:.0f} MB" if point else ""


def _images(point: Measurement) -> int:
    return point.images


def _n_log_n(images: int) -> float:
    return images * math.log(images)
