"""Worker processes: each builds its own translator and makes one night after the other.

They start by "spawn", so that they share nothing with their parent but a pipe, with one thread for each
numeric library. Only the parent writes files; a worker may be killed at any moment and nothing is spoilt.
A single worker is a process too: that is what makes the bytes the same for any number of them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pipeline.core.errors import DusklineError
from pipeline.core.guard import die_with_parent
from pipeline.night.attempt import Made, Task, Unmade, attempt
from pipeline.night.translator import MakeTranslator, OutputFormat, Recipe

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

# Handed to a worker at once, so that it need not wait for its parent between two pictures.
_AHEAD = 2


@dataclass(frozen=True)
class _Broken:
    """A translator that could not be built: the error, and its traceback in the worker as text."""

    error: DusklineError
    trace: str


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: bool
    tasks: deque[Task]


class WorkerPool:
    """A context of worker processes that all follow one `recipe`, which the first of them tells.

    Raises what `make_translator` raises, and `DusklineError` when a worker ends before its work does.
    """

    def __init__(self, make_translator: MakeTranslator, output: OutputFormat) -> None:
        self._arguments = (make_translator, output)
        self._workers: list[_Worker] = []
        self._recipe: Recipe | None = None

    def __enter__(self) -> WorkerPool:
        try:
            self.grow(1)
            self._introduce(self._workers[0])
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    @property
    def recipe(self) -> Recipe:
        """What all workers make nights by."""
        if self._recipe is None:
            raise RuntimeError("a worker pool tells its recipe inside its `with` block")
        return self._recipe

    def grow(self, workers: int) -> None:
        """Start processes until there are `workers` of them."""
        while len(self._workers) < workers:
            self._start()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Made | Unmade]]:
        """Yield each task with its outcome, in the order in which they come; few are ever in flight."""
        waiting = iter(tasks)
        while True:
            for worker in self._workers:
                self._feed(worker, waiting)
            if not any(worker.tasks for worker in self._workers):
                return
            for worker in self._heard():
                if not worker.ready:
                    self._introduce(worker)
                    continue
                outcome = self._receive(worker)
                yield worker.tasks.popleft(), outcome

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        with _starting():
            process.start()
            self._workers.append(_Worker(process, ours, ready=False, tasks=deque()))
        # Else the worker would hold open the other end of its own pipe and never hear that we are gone.
        theirs.close()

    def _feed(self, worker: _Worker, waiting: Iterator[Task]) -> None:
        while worker.ready and len(worker.tasks) < _AHEAD:
            task = next(waiting, None)
            if task is None:
                return
            worker.tasks.append(task)
            try:
                worker.pipe.send(task)
            except OSError as error:
                raise self._ended(worker) from error

    def _heard(self) -> list[_Worker]:
        """Wait until workers have something to tell, or have ended."""
        by_source: dict[Any, _Worker] = {}
        for worker in self._workers:
            by_source[worker.pipe] = by_source[worker.process.sentinel] = worker
        heard = wait(list(by_source))
        return list(dict.fromkeys(by_source[source] for source in heard))

    def _receive(self, worker: _Worker) -> Any:
        # What an ended worker told before is still in its pipe; after that there is the end of the file.
        if not worker.process.is_alive() and not worker.pipe.poll():
            raise self._ended(worker)
        try:
            return worker.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._ended(worker) from error

    def _introduce(self, worker: _Worker) -> None:
        """Receive the recipe that a worker tells when its translator is built."""
        told = self._receive(worker)
        if isinstance(told, _Broken):
            raise told.error from RuntimeError(f"in a worker:\n{told.trace}")
        if self._recipe is None:
            self._recipe = told
        elif told != self._recipe:
            raise DusklineError(
                f"two workers built different translators: {self._recipe.document()} and {told.document()}",
                hint="a translator may depend on nothing but its checkpoint, its settings and the machine",
            )
        worker.ready = True

    def _ended(self, worker: _Worker) -> DusklineError:
        worker.process.join(5)
        code = worker.process.exitcode
        how = f"was killed (signal {-code})" if code is not None and code < 0 else f"ended (exit code {code})"
        return DusklineError(
            f"a worker process {how} before its work was done",
            hint="too little memory for so many workers is the common cause: set DUSKLINE_WORKERS lower; "
            "what is finished is kept, run the same command again to go on",
        )

    def _end(self) -> None:
        # They hold nothing that would need an orderly end.
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Around the start of a process: one numeric thread, and no Ctrl-C, which the parent answers for all.

    Blocked signals stay blocked in the child, and reach the parent afterwards, when it knows its child.
    """
    # Python's own helper process; while it starts it would lift the blockade.
    resource_tracker.ensure_running()
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _work(pipe: Connection, make_translator: MakeTranslator, output: OutputFormat) -> None:
    """What a worker does: tell the recipe, then answer each task, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    die_with_parent()
    try:
        translator = make_translator()
        recipe = Recipe.of(translator, output)
    except DusklineError as error:
        pipe.send(_Broken(error, traceback.format_exc()))
        return
    except Exception as error:  # whatever it is, the parent is the one to tell it
        told = DusklineError(f"the translator could not be built: {type(error).__name__}: {error}")
        pipe.send(_Broken(told, traceback.format_exc()))
        return
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(recipe)
        while True:
            pipe.send(attempt(pipe.recv(), translator, output))
