"""What runs in a Ray cluster: a process that builds what it works with, and then does task after task."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.runtime.errors import DusklineError


@dataclass(frozen=True)
class Introduction:
    """What an actor tells when it has built what it works with.

    identity: must be the same for all, or they would make different things. ahead: tasks that it wants at a
    time. memory: bytes that it holds at most; 0 for no estimate.
    """

    identity: object
    ahead: int = 1
    memory: int = 0


class Work(Protocol):
    """What an actor holds. A `DusklineError` of it ends the whole run; it never raises anything else."""

    introduction: Introduction

    def __call__(self, task: Any, /) -> Any:
        """Do one task; with several `at_once`, from so many threads."""
        ...


@dataclass(frozen=True)
class ActorError:
    """An error in an actor, and its traceback there as text."""

    error: DusklineError
    trace: str


class Actor:
    """An actor's two methods: each gives what is asked for, or says why it cannot."""

    def __init__(self) -> None:
        self._work: Work | None = None

    def build(self, folder: str, make: Callable[[], Work]) -> Introduction | ActorError:
        """Enter `folder` and build the work; the first call of all."""

        def built() -> Introduction:
            _enter(folder)
            self._work = make()
            return self._work.introduction

        return _outcome(built)

    def do(self, task: Any) -> Any:
        """Do one task."""
        assert self._work is not None
        work = self._work
        return _outcome(lambda: work(task))


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise DusklineError(
            f"a node of the Ray cluster has no folder {folder}: {error.strerror or error}",
            hint="the project's folder must lie on storage that all nodes share, at the same path",
        ) from error


def _outcome(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except DusklineError as error:
        return ActorError(error, traceback.format_exc())
    except Exception as error:  # whatever it is, the process that has the actors is the one to tell it
        return ActorError(DusklineError(f"{type(error).__name__}: {error}"), traceback.format_exc())
