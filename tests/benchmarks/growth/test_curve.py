"""Growth that is known, found again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.growth.curve import Curve, curves, table
from benchmarks.growth.measurements import Measurement, keep, kept

SIZES = (1_000, 10_000, 100_000)


def curve(seconds: Callable[[int], float], peak: Callable[[int], float] = float) -> Curve:
    return Curve(tuple(Measurement("step", n, seconds(n), seconds(n), int(peak(n))) for n in SIZES))


def n_log_n(images: int) -> float:
    return 1e-6 * images * math.log(images)


def test_powers_are_found_again() -> None:
    assert curve(lambda n: 3e-5 * n).exponent == pytest.approx(1)
    assert curve(lambda n: 2e-9 * n**2).exponent == pytest.approx(2)


@pytest.mark.parametrize(
    ("seconds", "ratio", "verdict"),
    [
        (n_log_n, 1, "stays"),
        (lambda n: 5 + 1e-5 * n, 6 / 5.1 / 12.5, "falls"),
        (lambda n: 1e-9 * n**1.5, 10**1.5 / 12.5, "**grows**"),
    ],
)
def test_growth_is_held_against_n_log_n(seconds: Callable[[int], float], ratio: float, verdict: str) -> None:
    found = curve(seconds)
    assert found.against_n_log_n == pytest.approx(ratio)
    assert found.verdict == verdict


def test_what_any_size_costs_is_not_the_images() -> None:
    found = curve(lambda n: 5 + 1e-5 * n, lambda n: 1e8 + 700 * n)
    assert found.seconds_an_image == pytest.approx(1e-5)
    assert found.bytes_an_image == pytest.approx(700)


def test_the_extrapolation_goes_on_from_what_was_measured() -> None:
    found = curve(n_log_n, lambda n: 1e8 + 700 * n)
    assert found.seconds(SIZES[-1]) == pytest.approx(n_log_n(SIZES[-1]))
    assert found.peak(10**7) == pytest.approx(1e8 + 7e9)
    # Of n log n it tells no less than there will be, and little more: the slope between two sizes is steeper.
    assert 1 < found.seconds(10**7) / n_log_n(10**7) < 1.1


def test_the_table_has_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "growth.jsonl"
    slow = Measurement("merge", 1_000, 9.0, 9.0, 50_000_000)
    keep(slow, path)
    keep(Measurement("plan", 1_000, 1.0, 0.5, 60_000_000), path)
    keep(replace(slow, seconds=2.0), path)
    assert table(kept(path)).splitlines()[2:] == [
        "| merge | 2.0 s (9.0), 50 MB |  |  |  |  |",
        "| plan | 1.0 s (0.5), 60 MB |  |  |  |  |",
    ]
    keep(replace(slow, images=2_000, seconds=4.0, peak=51_000_000), path)
    merge, plan = table(kept(path)).splitlines()[2:]
    assert merge == "| merge | 2.0 s (9.0), 50 MB | 4.0 s (9.0), 51 MB | 1.00 | stays (0.91) | 2.000 | 1.00 |"
    assert plan == "| plan | 1.0 s (0.5), 60 MB |  |  |  |  |  |"
    assert list(curves(kept(path))) == ["merge", "plan"]
