"""Ways of doing one thing, each in a process of its own, that take turns: a busy machine slows them all."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
# What a way's process does each time, and keeps from one time to the next.
_kept = threading.local()


def own_process() -> Executor:
    """A new interpreter, for some settings hold for a whole process."""
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def take_turns(ways: Mapping[str, Callable[[], Callable[[], T]]], rounds: int) -> dict[str, list[T]]:
    """What each way gives in each of the rounds.

    ways: what builds the work, once and in the way's own process, when it has its first turn; both this and
    what the work gives must be picklable.
    """
    given: dict[str, list[T]] = {way: [] for way in ways}
    with contextlib.ExitStack() as stack:
        processes = {way: stack.enter_context(own_process()) for way in ways}
        for process in processes.values():
            # They start together, and import what they need.
            process.submit(os.getpid)
        for _ in range(rounds):
            for way, build in ways.items():
                try:
                    given[way].append(processes[way].submit(_worked, build).result())
                except BrokenExecutor as error:
                    raise SystemExit(f"{way} ended before it answered; is there memory for it?") from error
    return given


def _worked(build: Callable[[], Callable[[], Any]]) -> Any:
    if not hasattr(_kept, "work"):
        _kept.work = build()
    return _kept.work()
