"""Shares tasks among workers of one kind, any of which may die at any moment.

Only a `Crew` knows what the workers are: processes of this machine or actors of a cluster. A task that may
have killed its worker is tried once more when all others are done, alone, by a new worker.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from pipeline.runtime.errors import DusklineError, listed

_LOG = logging.getLogger(__name__)

# This many workers in a row may die while no task is finished.
_IN_A_ROW = 10

# The hint when workers die again and again.
TOO_LITTLE_MEMORY = (
    "the usual cause is too little memory: use fewer workers (DUSKLINE_WORKERS; in a cluster `ray start"
    " --num-cpus`); finished work is kept, run the same command again to continue"
)


@dataclass(frozen=True)
class Introduction:
    """What a worker reports when it has built its work.

    identity: must be the same for all, or their results would differ. ahead: tasks that it needs at a time;
    at_once: how many of these, the first ones, it may be working on. held: bytes of memory that it uses
    already;
    task: bytes that its tasks need in addition; 0 for no estimate.
    """

    identity: object
    ahead: int = 1
    at_once: int = 1
    held: int = 0
    task: int = 0


@dataclass(frozen=True)
class Died:
    """The end of a worker, and why. by_machine: its whole machine was lost; then no task is blamed."""

    why: str
    by_machine: bool = False


# What a worker reports: its introduction, its end, or a task and its result.
Told = Introduction | Died | tuple[Any, Any]


class Worker(Protocol):
    """A worker as this process sees it."""

    introduction: Introduction | None

    @property
    def tasks(self) -> Collection[Any]:
        """What it has in hand, in the order given."""
        ...

    def give(self, task: Any) -> None:
        """Hand it a task; never raises for a worker that is dead."""
        ...


class Crew(Protocol):
    """Where workers come from; to each crew its own kind of `Worker`."""

    def room(self, first: Introduction) -> int:
        """How many workers there may be now, if all are like the `first`."""
        ...

    def start(self) -> Any:
        """Start one."""
        ...

    def hear(self, workers: Sequence[Any]) -> Iterator[tuple[Any, Told]]:
        """Wait for a while until some have news: their introduction, their end, the result of a task.

        A task whose result is given is no longer in hand.
        """
        ...

    def end(self, workers: Sequence[Any]) -> None:
        """Kill some workers, whatever they do; some may be dead."""
        ...


class WorkerPool:
    """A context with the workers of a crew; from the first `introduction` on there is at least one.

    Raises what the crew raises, and `DusklineError` if workers differ, or die one after the other.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._workers: list[Worker] = []
        self._first: Introduction | None = None
        # First tasks of the workers that died since the last result.
        self._died_over: list[str] = []

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *error: object) -> None:
        self._end_all()

    def introduction(self) -> Introduction:
        """Wait for the first worker, and return its introduction."""
        nothing = _Queue(())
        while self._first is None:
            # No worker has tasks yet, so there are no results.
            deque(self._turn(nothing, alone=True), maxlen=0)
        return self._first

    def run(self, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each task with its result, in the order in which they finish; few are in flight at a time.

        The result is a `Died` for a task that was tried alone and killed its worker again. `str(task)` is the
        name of a task in messages.
        """
        suspects = []
        for task, answer in self._round(_Queue(tasks), alone=False):
            if not isinstance(answer, Died):
                yield task, answer
                continue
            _LOG.warning(
                "a worker died, perhaps because of %s, which is tried again at the end: %s", task, answer.why
            )
            suspects.append(task)
        if suspects:
            # A new worker, with the memory of all.
            self._end_all()
            yield from self._round(_Queue(suspects), alone=True)

    def _round(self, queue: _Queue, *, alone: bool) -> Iterator[tuple[Any, Any]]:
        self._died_over.clear()
        while not queue.is_empty or any(worker.tasks for worker in self._workers):
            yield from self._turn(queue, alone=alone)

    def _turn(self, queue: _Queue, *, alone: bool) -> Iterator[tuple[Any, Any]]:
        """Start workers, give them tasks, and receive their reports."""
        self._fill(queue, alone)
        for worker in self._workers:
            ahead = worker.introduction.ahead if worker.introduction else 0
            while len(worker.tasks) < (min(ahead, 1) if alone else ahead) and not queue.is_empty:
                worker.give(queue.take())
        for worker, told in self._crew.hear(self._workers):
            if isinstance(told, Introduction):
                self._welcome(worker, told)
            elif isinstance(told, Died):
                at_work, others = self._part_with(worker, told)
                queue.give_back(others)
                if alone and at_work:
                    self._died_over.clear()
                yield from ((task, told) for task in at_work)
            else:
                self._died_over.clear()
                yield told

    def _fill(self, queue: _Queue, alone: bool) -> None:
        """Start as many workers as there is work for, and at least one."""
        wanted = 1 if alone or self._first is None else self._crew.room(self._first)
        if len(self._workers) < wanted:
            wanted = min(wanted, sum(len(worker.tasks) for worker in self._workers) + queue.left(wanted))
        while len(self._workers) < max(1, wanted):
            self._workers.append(self._crew.start())

    def _welcome(self, worker: Worker, introduction: Introduction) -> None:
        if self._first is None:
            self._first = introduction
        elif introduction.identity != self._first.identity:
            raise DusklineError(
                f"two workers would give different results: {self._first.identity} and"
                f" {introduction.identity}",
                hint="results must depend only on the model and its settings; nodes whose processors compute"
                " differently cannot share a run: use nodes of one kind",
            )
        worker.introduction = introduction

    def _part_with(self, worker: Worker, died: Died) -> tuple[list[Any], list[Any]]:
        """Remove a worker; return the tasks that may have killed it, and its other tasks in hand."""
        self._workers.remove(worker)
        self._crew.end([worker])
        tasks = list(worker.tasks)
        _LOG.info("lost a worker with %d tasks: %s", len(tasks), died.why)
        self._died_over.append(str(tasks[0]) if tasks else "nothing yet")
        if len(self._died_over) == _IN_A_ROW:
            raise DusklineError(
                f"{_IN_A_ROW} workers in a row died before any of them finished a task; the last:"
                f" {died.why}; they were working on:{listed(self._died_over)}",
                hint=TOO_LITTLE_MEMORY,
            )
        at_once = 0 if died.by_machine or not worker.introduction else worker.introduction.at_once
        return tasks[:at_once], tasks[at_once:]

    def _end_all(self) -> None:
        # They have nothing that needs a clean shutdown.
        self._crew.end(self._workers)
        self._workers.clear()


class _Queue:
    """Tasks to do; those given back come first."""

    def __init__(self, tasks: Iterable[Any]) -> None:
        self._fresh = iter(tasks)
        self._next: deque[Any] = deque()

    def left(self, most: int) -> int:
        """How many are left, at most `most`; this reads ahead in the tasks."""
        self._next.extend(islice(self._fresh, max(0, most - len(self._next))))
        return min(most, len(self._next))

    @property
    def is_empty(self) -> bool:
        """Whether none is left."""
        return not self.left(1)

    def take(self) -> Any:
        """Take the next of those that are left."""
        return self._next.popleft()

    def give_back(self, tasks: Sequence[Any]) -> None:
        """Take back tasks that no worker was working on."""
        self._next.extendleft(reversed(tasks))
