"""Ways of doing one thing, each in a process of its own, that take turns: a busy machine slows them all."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
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


def take_turns(
    prepare: Callable[..., Callable[[], Any]], ways: Mapping[str, Sequence[Any]], rounds: int
) -> dict[str, list[Turn]]:
    """What each way gives in each of the rounds: of the work that `prepare` makes of its arguments.

    The work ends with what it gives on the processor, so that a device has done it.
    """
    turns: dict[str, list[Turn]] = {way: [] for way in ways}
    with ExitStack() as held:
        spawn = multiprocessing.get_context("spawn")
        processes = {
            way: held.enter_context(ProcessPoolExecutor(1, spawn, _prepare, (prepare, *arguments)))
            for way, arguments in ways.items()
        }
        for _ in range(rounds):
            for way, process in processes.items():
                try:
                    turns[way].append(process.submit(_turn).result())
                except BrokenProcessPool as error:
                    raise SystemExit(f"{way} ended before it answered; is there memory for it?") from error
    return turns


def shortest(turns: Sequence[Turn]) -> float:
    """The least seconds; of several turns the first only prepares (kernels, memory)."""
    return min(turn.seconds for turn in turns[1:] or turns)


_prepared: dict[str, Callable[[], Any]] = {}


def _prepare(prepare: Callable[..., Callable[[], Any]], *arguments: Any) -> None:
    _prepared["work"] = prepare(*arguments)


def _turn() -> Turn:
    start = time.perf_counter()
    value = _prepared["work"]()
    seconds = time.perf_counter() - start
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return Turn(value, seconds, torch.cuda.max_memory_reserved() / 2**20)
    return Turn(value, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
