from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import pytest

from pipeline.runtime.ranges import Count, Pixels, Range, Seed, Share, range_of, require_range, require_ranges


@pytest.mark.parametrize(
    ("allowed", "words"),
    [
        (Range("pixels", least=16), "pixels, at least 16"),
        (Range(least=0, most=1), "between 0 and 1"),
        (Range(least=1, most=999_999), "between 1 and 999,999"),
        (Range(above=0), "above 0"),
        (Range("metres", above=0, most=4), "metres, above 0 and at most 4"),
        (Range(least=0, below=1), "at least 0 and below 1"),
    ],
)
def test_it_says_unit_and_range(allowed: Range, words: str) -> None:
    assert str(allowed) == words


@pytest.mark.parametrize(
    ("allowed", "inside", "outside"),
    [
        (Range(least=16), [16, 1e9], [15.999, -16]),
        (Range(least=0, most=1), [0, 0.5, 1], [-1e-9, 1 + 1e-9]),
        (Range(above=0), [1e-300], [0, -1]),
        (Range(least=0, below=1), [0, 0.999], [1]),
        (Range(most=180), [-200, 180], [180.1]),
    ],
)
def test_ends_belong_to_it_or_not_as_it_says(
    allowed: Range, inside: list[float], outside: list[float]
) -> None:
    assert all(map(allowed.holds, inside))
    assert not any(map(allowed.holds, [*outside, math.nan, math.inf, -math.inf]))


@dataclass(frozen=True)
class Sizes:
    height: Pixels
    share: Share | None
    seed: Seed = -1
    depth: Annotated[float, Range("metres", above=2)] = 5.0
    name: str = ""

    def __post_init__(self) -> None:
        require_ranges(self)


def test_fields_are_held_against_their_types() -> None:
    assert Sizes(1, None).share is None
    with pytest.raises(ValueError, match=r"^height must be at least 1 \(pixels\), not 0$"):
        Sizes(0, None)
    with pytest.raises(ValueError, match=r"^share must be between 0 and 1, not 1\.5$"):
        Sizes(1, 1.5)
    with pytest.raises(ValueError, match=r"^depth must be above 2 \(metres\), not 2$"):
        Sizes(1, 1, depth=2.0)


def test_a_default_belongs_to_a_choice_that_is_not_made_until_it_is_asked_for() -> None:
    sizes = Sizes(1, 0.5)
    with pytest.raises(ValueError, match="seed must be at least 0, not -1"):
        require_range(sizes, "seed")


def test_the_range_of_a_type() -> None:
    assert range_of(Count) == range_of(Count | None) == Range(least=1)
    assert range_of(int) is None
    assert range_of(str | None) is None
