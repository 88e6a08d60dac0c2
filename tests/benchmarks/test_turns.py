"""Ways take turns, each in a process of its own that keeps what it has prepared."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

import pytest

from benchmarks.turns import take_turns


def counting(start: int) -> Callable[[], tuple[int, int]]:
    numbers = itertools.count(start)
    return lambda: (os.getpid(), next(numbers))


def dying() -> Callable[[], int]:
    os._exit(9)


def failing() -> Callable[[], int]:
    raise ValueError("a crop of 32 is too small")


@pytest.mark.slow
def test_each_way_is_prepared_once_in_its_own_process() -> None:
    turns = take_turns(counting, {"low": (0,), "high": (10,)}, 3)
    given = {way: [turn.value for turn in of] for way, of in turns.items()}
    assert [number for _, number in given["low"]] == [0, 1, 2]
    assert [number for _, number in given["high"]] == [10, 11, 12]
    processes = [{process for process, _ in of} for of in given.values()]
    assert [len(of) for of in processes] == [1, 1]
    assert len({os.getpid()}.union(*processes)) == 3


def test_a_way_that_dies_is_named() -> None:
    with pytest.raises(SystemExit, match="dead stopped without a result"):
        take_turns(dying, {"dead": ()}, 1)


def test_a_way_that_fails_says_why() -> None:
    with pytest.raises(ValueError, match="32 is too small"):
        take_turns(failing, {"failing": ()}, 1)
