"""Worker processes: each builds its own translator and makes one night after the other.

They start by "spawn", so that they share nothing with their parent but a pipe, with one thread for each
numeric library. Only the parent writes files; a worker may be killed at any moment and nothing is spoilt.
A single worker is a process too: that is what makes the bytes the same for any number of them. A worker
whose translator takes batches (a GPU's) has threads of its own beside it; see batches.py.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import traceback
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pipeline.night.engine.batches import answer_in_batches
from pipeline.night.engine.translate_image import Failed, Task, Translated, attempt
from pipeline.night.records.translator import (
    BatchTranslator,
    MakeTranslator,
    OutputFormat,
    Recipe,
    Translator,
)
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.logging_setup import speak_as_told
from pipeline.runtime.memory import available_memory, resident_memory
from pipeline.runtime.process_lock import begin_as_worker, signals_held

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

# Handed to a worker at once, in batches, so that it need not wait for its parent between two of them; where
# a batch is more than one picture, others are read and encoded meanwhile.
_AHEAD = 2
_BATCHES_AHEAD = 4


@dataclass(frozen=True)
class _Broken:
    """A translator that could not be built: the error, and its traceback in the worker as text."""

    error: DusklineError
    trace: str


@dataclass(frozen=True)
class Ready:
    """What a worker tells when its translator is built.

    ahead: tasks that it wants at a time. built: bytes that it holds already; picture: bytes that the largest
    picture will take besides, those left out that do not fit, unless none does.
    """

    recipe: Recipe
    ahead: int
    built: int
    picture: int

    @classmethod
    def of(
        cls,
        translator: Translator,
        output: OutputFormat,
        sizes: Collection[tuple[int, int]],
        room: int | None,
    ) -> Ready:
        """For pictures of `sizes`, (width, height), in `room` bytes; None for no limit."""
        needed = [translator.memory(*size) for size in sizes]
        fitting = [size for size in needed if room is None or size <= room]
        return cls(
            recipe=Recipe.of(translator, output),
            ahead=_BATCHES_AHEAD * translator.batch if isinstance(translator, BatchTranslator) else _AHEAD,
            built=resident_memory(),
            picture=max(fitting, default=min(needed, default=0)),
        )


@dataclass(eq=False)
class _Worker:
    process: BaseProcess
    pipe: Connection
    ready: Ready | None
    tasks: deque[Task]


class WorkerPool:
    """A context of worker processes that all follow one `recipe`, which the first of them tells.

    `sizes`: (width, height) of the pictures to come, as far as they are known.
    Raises what `make_translator` raises, and `DusklineError` when a worker ends before its work does, or when
    the machine's memory is too small for any of the pictures.
    """

    def __init__(
        self,
        make_translator: MakeTranslator,
        output: OutputFormat,
        sizes: Collection[tuple[int, int]] = (),
    ) -> None:
        self._arguments = (make_translator, output, sizes)
        self._workers: list[_Worker] = []
        self._recipe: Recipe | None = None

    def __enter__(self) -> WorkerPool:
        try:
            self._start()
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
        """Start further workers until there are `workers`, or as many as fit into the memory."""
        first = self._workers[0].ready
        if workers and first is not None:
            workers = min(workers, _fitting(first, available_memory()))
        while len(self._workers) < workers:
            self._start()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Translated | Failed]]:
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
            self._workers.append(_Worker(process, ours, ready=None, tasks=deque()))
        # Else the worker would hold open the other end of its own pipe and never hear that we are gone.
        theirs.close()

    def _feed(self, worker: _Worker, waiting: Iterator[Task]) -> None:
        while worker.ready and len(worker.tasks) < worker.ready.ahead:
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
        """Receive what a worker tells when its translator is built."""
        told = self._receive(worker)
        if isinstance(told, _Broken):
            raise told.error from RuntimeError(f"in a worker:\n{told.trace}")
        recipe = told.recipe
        if self._recipe is None:
            self._recipe = recipe
        elif recipe != self._recipe:
            raise DusklineError(
                f"two workers built different translators: {self._recipe.document()} and {recipe.document()}",
                hint="a translator may depend on nothing but its checkpoint, its settings and the machine",
            )
        worker.ready = told

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


def _fitting(first: Ready, available: int | None) -> int:
    """How many workers like the `first`, which is there already, can be at work in the `available` bytes."""
    if available is None or not first.picture:
        return sys.maxsize
    require_room(first, available)
    return 1 + (available - first.picture) // (first.built + first.picture)


def require_room(ready: Ready, available: int | None) -> None:
    """Raise `DusklineError` when the `available` bytes are too few for any of the pictures."""
    if available is not None and ready.picture > available:
        raise DusklineError(
            f"a picture takes about {ready.picture / 1e9:.1f} GB of memory while it is translated,"
            f" and {available / 1e9:.1f} GB are available",
            hint="end what else takes memory, or lower shorter_side",
        )


def not_built(error: Exception) -> DusklineError:
    """Say what is wrong with a translator whose factory raised `error`."""
    return DusklineError(f"the translator could not be built: {type(error).__name__}: {error}")


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Around the start of a process: one numeric thread, and no Ctrl-C, which the parent answers for all."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    with signals_held():
        os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _work(
    pipe: Connection,
    make_translator: MakeTranslator,
    output: OutputFormat,
    sizes: Collection[tuple[int, int]],
) -> None:
    """What a worker does: tell what it has built, then answer each task, until the pipe ends."""
    begin_as_worker()
    speak_as_told()
    try:
        translator = make_translator()
        room = available_memory()
        ready = Ready.of(translator, output, sizes, room)
    except DusklineError as error:
        pipe.send(_Broken(error, traceback.format_exc()))
        return
    except Exception as error:  # whatever it is, the parent is the one to tell it
        pipe.send(_Broken(not_built(error), traceback.format_exc()))
        return
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(ready)
        if isinstance(translator, BatchTranslator):
            answer_in_batches(pipe, translator, output)
        while True:
            pipe.send(attempt(pipe.recv(), translator, output, room))
