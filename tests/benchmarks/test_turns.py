"""Ways take turns, each in a process of its own that keeps what it has built."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from functools import partial

import pytest

from benchmarks.turns import take_turns


def counting(start: int) -> Callable[[], tuple[int, int]]:
    numbers = itertools.count(start)
    return lambda: (os.getpid(), next(numbers))


def dying() -> Callable[[], int]:
    os._exit(9)


def failing() -> Callable[[], int]:
    raise ValueError("a crop of 32 is too small")


def test_each_way_is_built_once_in_its_own_process() -> None:
    ways = {"low": partial(counting, 0), "high": partial(counting, 10)}
    turns = take_turns(ways, 3)
    assert {way: [number for _, number in given] for way, given in turns.items()} == {
        "low": [0, 1, 2],
        "high": [10, 11, 12],
    }
    processes = {way: {process for process, _ in given} for way, given in turns.items()}
    assert all(len(of) == 1 for of in processes.values())
    assert len({os.getpid()}.union(*processes.values())) == 3


def test_a_way_that_dies_is_named() -> None:
    with pytest.raises(SystemExit, match="dead ended before it answered"):
        take_turns({"dead": dying}, 1)


def test_a_way_that_fails_says_why() -> None:
    with pytest.raises(ValueError, match="32 is too small"):
        take_turns({"failing": failing}, 1)
