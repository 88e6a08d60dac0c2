"""The interval of a difference of two shares of the same queries against its author's and against draws."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.report.tables.paired_difference import Paired


def test_it_is_newcombes() -> None:
    # Newcombe, 1998, the second article, table II: 36, 12, 2, 0 by method 10.
    difference, low, high = Paired(both=36, only_before=2, only_after=12, neither=0).difference()
    assert (difference, low, high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)


def test_swapped_experiments_swap_the_signs() -> None:
    one = Paired(40, 9, 21, 35).difference()
    other = Paired(40, 21, 9, 35).difference()
    assert one == pytest.approx((-other[0], -other[2], -other[1]))


def test_queries_that_both_find_or_miss_make_it_narrower() -> None:
    def width(pairs: Paired) -> float:
        _, low, high = pairs.difference()
        return high - low

    # The same shares of 30 and 40 of 100: nearly the same queries, or others.
    assert width(Paired(30, 0, 10, 60)) < 0.6 * width(Paired(5, 25, 35, 35))


def test_the_truth_lies_in_19_of_20() -> None:
    rng = np.random.default_rng(0)
    for total, shares in ((105, (0.1, 0.05, 0.2, 0.65)), (315, (0.5, 0.08, 0.08, 0.34))):
        held = 0
        for counts in rng.multinomial(total, shares, size=2000).tolist():
            _, low, high = Paired(*counts).difference()
            held += low <= shares[2] - shares[1] <= high
        assert 0.93 < held / 2000 < 0.98


@pytest.mark.parametrize("counts", [(10, 0, 0, 0), (0, 0, 0, 10), (0, 0, 10, 0), (0, 1, 0, 0)])
def test_certain_counts_have_an_interval_too(counts: tuple[int, int, int, int]) -> None:
    difference, low, high = Paired(*counts).difference()
    assert -1 <= low <= difference <= high <= 1
    assert low < high


def test_without_queries_there_is_none() -> None:
    with pytest.raises(ValueError, match="0 hits of 0 are not a valid share"):
        Paired(0, 0, 0, 0).difference()
