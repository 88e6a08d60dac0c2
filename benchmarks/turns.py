"""Time several ways of doing the same work in turn, each in its own process, so that load slows them all."""

from __future__ import annotations

import multiprocessing
import resource
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Turn:
    """The result of a way, its seconds, and its peak memory so far in MiB: of the GPU if one is used."""

    value: Any
    seconds: float
    memory: float


def own_process() -> Executor:
    """A new interpreter, because some settings apply to a whole process."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def take_turns(
    prepare: Callable[..., Callable[[], Any]], ways: Mapping[str, Sequence[Any]], rounds: int
) -> dict[str, list[Turn]]:
    """The results of each way in each round; `prepare` makes the work from the arguments of a way once.

    The work returns its result on the CPU, so that the device has finished.
    """
    turns: dict[str, list[Turn]] = {way: [] for way in ways}
    with ExitStack() as held:
        processes = {way: held.enter_context(own_process()) for way in ways}
        for _ in range(rounds):
            for way, arguments in ways.items():
                try:
                    turns[way].append(processes[way].submit(_turn, prepare, arguments).result())
                except BrokenExecutor as error:
                    raise SystemExit(f"{way} stopped without a result; is there enough memory?") from error
    return turns


def shortest(turns: Sequence[Turn]) -> float:
    """The shortest time; of several turns the first is only a warm-up (kernels, memory)."""
    return min(turn.seconds for turn in turns[1:] or turns)


# State of a way's process between turns.
_kept = threading.local()


def _turn(prepare: Callable[..., Callable[[], Any]], arguments: Sequence[Any]) -> Turn:
    if not hasattr(_kept, "work"):
        _kept.work = prepare(*arguments)
    start = time.perf_counter()
    value = _kept.work()
    seconds = time.perf_counter() - start
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return Turn(value, seconds, torch.cuda.max_memory_reserved() / 2**20)
    return Turn(value, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
