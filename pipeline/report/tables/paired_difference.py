"""The interval of the difference of two recalls that were measured on the same queries."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pipeline.vpr.results.wilson import wilson


@dataclass(frozen=True)
class Paired:
    """Number of queries found by both of two experiments, by only one, or by neither."""

    both: int
    only_before: int
    only_after: int
    neither: int

    @property
    def total(self) -> int:
        """Number of queries."""
        return self.both + self.only_before + self.only_after + self.neither

    @property
    def before(self) -> int:
        """Number of queries that the first experiment found."""
        return self.both + self.only_before

    @property
    def after(self) -> int:
        """Number of queries that the second experiment found."""
        return self.both + self.only_after

    def difference(self) -> tuple[float, float, float]:
        """The second share less the first, and the ends of its 95 % interval, in [-1, 1].

        Newcombe, 1998, "Improved confidence intervals for the difference between binomial proportions based
        on paired data", method 10: Wilson's intervals of both shares, and the correlation between them.
        `ValueError` without queries.
        """
        low_first, high_first = wilson(self.before, self.total)
        low_second, high_second = wilson(self.after, self.total)
        first, second = self.before / self.total, self.after / self.total
        shared = self._correlation()
        low = _apart(second - low_second, high_first - first, shared)
        high = _apart(high_second - second, first - low_first, shared)
        return second - first, second - first - low, second - first + high

    def _correlation(self) -> float:
        """The correlation of the two, with the method's continuity correction; 0 if undefined."""
        margins = self.before * (self.total - self.before) * self.after * (self.total - self.after)
        if not margins:
            return 0.0
        product = self.both * self.neither - self.only_before * self.only_after
        nearer = max(product - self.total / 2, 0.0) if product > 0 else product
        return nearer / math.sqrt(margins)


def _apart(one: float, other: float, shared: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * shared * one * other + other * other))
