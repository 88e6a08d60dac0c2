"""A pool of Ray actors that do one kind of work, task after task, whichever of them is lost meanwhile.

Each builds once what it works with. A task whose actor was killed, or whose node is gone, is given to
another; for an actor that is gone a new one is asked for; nodes that come are used, and those that go are
done without. Actors end with the process that has them.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pipeline
from pipeline.compute.resources.actor import Actor, ActorError, Introduction, Work
from pipeline.compute.resources.cluster import Needs, room
from pipeline.runtime.errors import DusklineError

_LOG = logging.getLogger(__name__)

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_WHY = 200

# So many actors may be lost over one task, or before they have built anything, one after the other.
_TRIES = 3
# Seconds between two looks at the nodes.
_TICK = 2.0
# Seconds without a node to work on: as long as a machine takes that a cloud is asked for.
_PATIENCE = 300.0
# Seconds of waiting for the first actor that are told of.
_LONG = 60.0


@dataclass(frozen=True)
class ActorOptions:
    """How an actor works: what it takes of its node, its numeric threads, how many tasks at the same time."""

    needs: Needs
    threads: int
    at_once: int = 1


@dataclass(eq=False)
class _Member:
    """An actor as this process sees it: tasks by the reference of their answer, in the order given."""

    actor: Any
    building: Any
    introduction: Introduction | None = None
    tasks: dict[Any, Any] = field(default_factory=dict)


class ActorPool:
    """A context of actors that each build their work by `make`, which is picklable; see `ActorOptions`.

    They work in this process's folder, so relative paths mean the same to them. Raises what `make` and the
    work raise, and `DusklineError` when actors are lost again and again, or no node is left to work on.
    """

    def __init__(self, ray: Any, make: Callable[[], Work], options: ActorOptions) -> None:
        self._ray = ray
        self._make = make
        self._options = options
        self._needs = options.needs
        self._most = 1
        self._members: list[_Member] = []
        self._first: Introduction | None = None
        self._looked = 0.0
        self._bereft: float | None = None
        self._stillborn = 0

    def __enter__(self) -> ActorPool:
        return self

    def __exit__(self, *error: object) -> None:
        # They hold nothing that would need an orderly end.
        for member in self._members:
            self._dismiss(member)
        self._members.clear()

    def introduction(self) -> Introduction:
        """Wait for the first actor, and return what it tells."""
        told = time.monotonic() + _LONG
        nothing = _Queue([])
        while self._first is None:
            self._fill()
            # Nobody has tasks yet, so there are no answers, only introductions.
            deque(self._heard(nothing), maxlen=0)
            if time.monotonic() > told:
                _LOG.warning("waiting for a place in the Ray cluster; `ray status` tells what takes them")
                told = math.inf
        return self._first

    def grow(self, actors: int) -> None:
        """Have up to `actors`, as far as the nodes have room for them, now and later.

        Those that are asked for before the first has told what it holds claim no memory of their nodes.
        """
        self._most = max(1, actors)
        self._needs = replace(self._options.needs, memory=self.introduction().memory)
        self._looked = 0.0

    def run(self, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each task with its answer, in the order in which they come; few are ever in flight.

        Tasks are hashable, no two are equal, and as text they are what errors call them.
        """
        queue = _Queue(tasks)
        while True:
            self._fill()
            for member in self._members:
                self._feed(member, queue)
            if queue.is_empty and not any(member.tasks for member in self._members):
                return
            yield from self._heard(queue)

    def _fill(self) -> None:
        """Ask for actors where there is room for more; an error when there has been none for long."""
        if time.monotonic() - self._looked < _TICK:
            return
        self._looked = time.monotonic()
        # One always, which tells a cluster that grows by itself that it is wanted.
        while len(self._members) < max(1, min(self._most, room(self._ray, self._needs))):
            self._members.append(self._hired())
        if any(member.introduction for member in self._members) or room(self._ray, self._needs):
            self._bereft = None
            return
        self._bereft = self._bereft or time.monotonic()
        if time.monotonic() - self._bereft > _PATIENCE:
            raise DusklineError(
                f"the Ray cluster has had no node with {self._needs} for {_PATIENCE:.0f} s",
                hint="what is finished is kept: run the same command again when it has nodes (`ray status`)",
            )

    def _hired(self) -> _Member:
        options: dict[str, Any] = {
            "num_cpus": self._needs.processors,
            "num_gpus": self._needs.gpus,
            "max_concurrency": self._options.at_once,
            "scheduling_strategy": "SPREAD",
            "runtime_env": {"env_vars": dict.fromkeys(_THREADS, str(self._options.threads)) | _own_modules()},
        }
        if self._needs.memory:
            options["memory"] = self._needs.memory
        actor = self._ray.remote(Actor).options(**options).remote()
        return _Member(actor, actor.build.remote(str(Path.cwd()), self._make))

    def _feed(self, member: _Member, queue: _Queue) -> None:
        while member.introduction and len(member.tasks) < member.introduction.ahead and not queue.is_empty:
            task = queue.take()
            member.tasks[member.actor.do.remote(task)] = task

    def _heard(self, queue: _Queue) -> Iterator[tuple[Any, Any]]:
        """Wait until an actor has something to tell, at most a tick; yield tasks with their answers."""
        by_reference = {member.building: member for member in self._members if not member.introduction}
        for member in self._members:
            by_reference |= dict.fromkeys(member.tasks, member)
        told, _ = self._ray.wait(list(by_reference), num_returns=1, timeout=_TICK)
        for reference in told:
            member = by_reference[reference]
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                # Its work raises nothing, so this is what could not be sent, or not be understood there.
                raise DusklineError(f"a Ray actor cannot work: {error.cause}") from error
            except self._ray.exceptions.RayError as error:
                self._lose(member, queue, error)
                continue
            if isinstance(answer, ActorError):
                raise answer.error from RuntimeError(f"in a Ray actor:\n{answer.trace}")
            if reference in member.tasks:
                yield member.tasks.pop(reference), answer
            else:
                self._welcome(member, answer)

    def _welcome(self, member: _Member, introduction: Introduction) -> None:
        if self._first is None:
            self._first = introduction
        elif introduction.identity != self._first.identity:
            raise DusklineError(
                f"two Ray actors would make different things: {self._first.identity} and"
                f" {introduction.identity}",
                hint="nodes whose processors compute differently cannot share a run: take nodes of one kind",
            )
        member.introduction = introduction
        self._stillborn = 0

    def _lose(self, member: _Member, queue: _Queue, error: Exception) -> None:
        """Do without an actor: its tasks go back to the others."""
        self._members.remove(member)
        self._dismiss(member)
        self._looked = 0.0
        why = _last_line(error)
        _LOG.info("lost an actor with %d tasks: %s", len(member.tasks), why)
        if member.introduction is None:
            self._stillborn += 1
            if self._stillborn == _TRIES:
                raise DusklineError(
                    f"{_TRIES} Ray actors ended before they had built what they work with; the last: {why}",
                    hint="too little memory is a common cause; so are nodes without duskline or the project",
                )
        often = queue.give_back(list(member.tasks.values()))
        if often is not None:
            raise DusklineError(
                f"{_TRIES} Ray actors ended over {often}; the last: {why}",
                hint="too little memory on the nodes is the common cause: start them with fewer processors"
                " (`ray start --num-cpus`); what is finished is kept, run the same command again to go on",
            )

    def _dismiss(self, member: _Member) -> None:
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(member.actor)


class _Queue:
    """Tasks to come, those first that came back."""

    def __init__(self, tasks: Iterable[Any]) -> None:
        self._fresh = iter(tasks)
        self._next: deque[Any] = deque()
        self._returned: Counter[Any] = Counter()

    @property
    def is_empty(self) -> bool:
        """Whether none is left; may take one more of the fresh ones to find out."""
        if not self._next:
            self._next.extend([task for task in [next(self._fresh, None)] if task is not None])
        return not self._next

    def take(self) -> Any:
        """Take the next of those that are left."""
        if self.is_empty:
            raise IndexError("no task is left")
        return self._next.popleft()

    def give_back(self, tasks: list[Any]) -> Any | None:
        """Take tasks whose actor was lost; return the first that has been lost too often, or None."""
        self._next.extendleft(reversed(tasks))
        self._returned.update(tasks)
        return next((task for task in tasks if self._returned[task] >= _TRIES), None)


def _last_line(error: Exception) -> str:
    """What Ray says last of why an actor is lost; before that come its numbers, and traces of Ray's own."""
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines()]
    told = [line for line in lines if line.strip("^ ")]
    return told[-1][:_LONGEST_WHY] if told else type(error).__name__


def _own_modules() -> dict[str, str]:
    """Let actors find the modules that this process has, whatever else is installed on their nodes."""
    root = str(Path(pipeline.__file__).resolve().parents[1])
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{root}{os.pathsep}{before}" if before else root}
