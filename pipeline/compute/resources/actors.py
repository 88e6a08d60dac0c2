"""Actors of a Ray cluster as workers; actors may be lost, and nodes may come and go.

Each builds its work once. Ray could restart dead actors and repeat their tasks, but it counts a death against
all tasks in hand and does not say which one caused it; so the pool does that. Actors end with the process
that started them.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pipeline
from pipeline.compute.resources.cluster import Needs, is_alive, room
from pipeline.compute.resources.worker_pool import Died, Introduction, Told
from pipeline.runtime.errors import DusklineError

_LOG = logging.getLogger(__name__)

# Variables that tell numeric libraries how many threads to use.
NUMERIC_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_WHY = 200

# Seconds between two checks of the nodes.
_TICK = 2.0
# Seconds without a usable node: as long as a cloud may need to start a machine.
_PATIENCE = 300.0
# Seconds of waiting for the first actor before a warning.
_LONG = 60.0


class Actor:
    """The process in the cluster: it builds its work, and then does task after task."""

    def build(self, folder: str, make: Callable[[], Any]) -> tuple[str, Introduction]:
        """Enter `folder`, build the work, and return the node; this is the first call."""
        try:
            os.chdir(folder)
        except OSError as error:
            raise DusklineError(
                f"a node of the Ray cluster has no folder {folder}: {error.strerror or error}",
                hint="put the project's folder on storage that all nodes share, at the same path",
            ) from error
        self._work = make()
        return _node(), self._work.introduction

    def do(self, task: Any) -> Any:
        """Do one task."""
        return self._work(task)


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())


@dataclass(eq=False)
class _Handle:
    """An actor as this process sees it: tasks by the reference of their result, in the order given."""

    actor: Any
    building: Any
    introduction: Introduction | None = None
    node: str = ""
    in_hand: dict[Any, Any] = field(default_factory=dict)

    @property
    def tasks(self) -> Collection[Any]:
        return self.in_hand.values()

    def give(self, task: Any) -> None:
        self.in_hand[self.actor.do.remote(task)] = task


class Actors:
    """A crew of as many actors as the nodes have room for, given what each `needs` from its node.

    make: builds the work, picklable. The work has an `introduction` and does a task when it is called; with
    `at_once` above 1 it is called from that many threads. threads: of its numeric libraries. Actors work in
    this process's folder, so relative paths are the same for them. Raises what `make` and the work raise, and
    `DusklineError` if no node is left.
    """

    def __init__(
        self, ray: Any, make: Callable[[], Any], needs: Needs, threads: int, at_once: int = 1
    ) -> None:
        self._ray = ray
        self._make = make
        self._needs = needs
        self._threads = threads
        self._at_once = at_once
        self._room, self._looked = 0, -math.inf
        self._bereft: float | None = None
        self._tell = time.monotonic() + _LONG

    def room(self, first: Introduction) -> int:
        """How many actors the nodes can hold; those after the first reserve the memory that it reports."""
        needs = replace(self._needs, memory=first.held + first.task)
        if needs != self._needs:
            self._needs, self._looked = needs, -math.inf
        return self._room_now()

    def start(self) -> _Handle:
        """Ask for an actor; a cluster that scales by itself then adds a node for it."""
        options: dict[str, Any] = {
            "num_cpus": self._needs.processors,
            "num_gpus": self._needs.gpus,
            "max_concurrency": self._at_once,
            "scheduling_strategy": "SPREAD",
            "runtime_env": {"env_vars": dict.fromkeys(NUMERIC_THREADS, str(self._threads)) | _own_modules()},
        }
        if self._needs.memory:
            options["memory"] = self._needs.memory
        actor = self._ray.remote(Actor).options(**options).remote()
        return _Handle(actor, actor.build.remote(str(Path.cwd()), self._make))

    def hear(self, workers: Sequence[_Handle]) -> Iterator[tuple[_Handle, Told]]:
        """Wait, at most a tick, until an actor has news."""
        self._require_place(workers)
        by_reference = {worker.building: worker for worker in workers if not worker.introduction}
        for worker in workers:
            by_reference |= dict.fromkeys(worker.in_hand, worker)
        told, _ = self._ray.wait(list(by_reference), num_returns=1, timeout=_TICK)
        for reference in told:
            worker = by_reference[reference]
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, DusklineError):
                    raise error.cause from error
                said = f"{type(error.cause).__name__}: {error.cause}"
                raise DusklineError(f"a Ray actor failed: {said}") from error
            except self._ray.exceptions.RayError as error:
                # If only the process died, its node reports it at once; a lost node is noticed only after a
                # while.
                silent = isinstance(error, self._ray.exceptions.ActorUnavailableError)
                yield worker, Died(_last_line(error), silent or not is_alive(self._ray, worker.node))
                continue
            if reference in worker.in_hand:
                yield worker, (worker.in_hand.pop(reference), answer)
            else:
                worker.node, introduction = answer
                yield worker, introduction

    def end(self, workers: Sequence[_Handle]) -> None:
        """Kill actors."""
        for worker in workers:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(worker.actor)

    def _require_place(self, workers: Sequence[_Handle]) -> None:
        """Raise an error if there has been no usable node for too long."""
        now = time.monotonic()
        if any(worker.introduction for worker in workers):
            self._bereft = None
            return
        if now > self._tell:
            _LOG.warning("waiting for free resources in the Ray cluster; `ray status` shows what uses them")
            self._tell = math.inf
        if self._room_now():
            self._bereft = None
            return
        self._bereft = self._bereft or now
        if now - self._bereft > _PATIENCE:
            raise DusklineError(
                f"the Ray cluster has had no node with {self._needs} for {_PATIENCE:.0f} s",
                hint="finished work is kept: run the same command again when `ray status` shows such a node",
            )

    def _room_now(self) -> int:
        if time.monotonic() - self._looked >= _TICK:
            self._room, self._looked = room(self._ray, self._needs), time.monotonic()
        return self._room


def _last_line(error: Exception) -> str:
    """Ray's last line about why an actor is lost; before it come ids, and tracebacks of Ray itself."""
    lines = [line.strip() for line in _COLOURS.sub("", str(error)).splitlines()]
    told = [line for line in lines if line.strip("^ ")]
    return told[-1][:_LONGEST_WHY] if told else type(error).__name__


def _own_modules() -> dict[str, str]:
    """Let actors use the modules of this process, whatever is installed on their nodes."""
    root = str(Path(pipeline.__file__).resolve().parents[1])
    before = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{root}{os.pathsep}{before}" if before else root}
