"""Ways of doing one thing, each in a process of its own, that take turns: a busy machine slows them all."""

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
    """What a way gave, the seconds it took, and the most memory so far: the GPU's if one is used, in MiB."""

    value: Any
    seconds: float
    memory: float


def own_process() -> Executor:
    """A new interpreter, for some settings hold for a whole process."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def take_turns(
    prepare: Callable[..., Callable[[], Any]], ways: Mapping[str, Sequence[Any]], rounds: int
) -> dict[str, list[Turn]]:
    """What each way gives in each of the rounds: of the work that `prepare` once makes of its arguments.

    The work ends with what it gives on the processor, so that a device has done it.
    """
    turns: dict[str, list[Turn]] = {way: [] for way in ways}
    with ExitStack() as held:
        processes = {way: held.enter_context(own_process()) for way in ways}
        for _ in range(rounds):
            for way, arguments in ways.items():
                try:
                    turns[way].append(processes[way].submit(_turn, prepare, arguments).result())
                except BrokenExecutor as error:
                    raise SystemExit(f"{way} ended before it answered; is there memory for it?") from error
    return turns


def shortest(turns: Sequence[Turn]) -> float:
    """The least seconds; of several turns the first only prepares (kernels, memory)."""
    return min(turn.seconds for turn in turns[1:] or turns)


# What a way's process keeps from one turn to the next.
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
