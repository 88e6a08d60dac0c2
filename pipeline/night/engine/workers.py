"""A crew of worker processes: each builds its own translator and makes one night after the other.

They start by "spawn", so they share only a pipe with their parent, with one thread for each numeric library.
Only the parent writes files; a worker may be killed at any moment without damage. A single worker is a
process too, so the bytes are the same for any number of workers. A worker whose translator takes batches (on
a GPU) has threads of its own; see batches.py.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import traceback
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from pipeline.compute.resources.actors import NUMERIC_THREADS
from pipeline.compute.resources.worker_pool import Died, Introduction, Told
from pipeline.night.engine.batches import answer_in_batches
from pipeline.night.engine.translate_image import Task, attempt
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

# Batches given to a worker in advance, so that it does not wait for its parent between two of them; if a
# batch is more than one image, threads read and encode others meanwhile.
_AHEAD = 2
_BATCHES_AHEAD = 4


@dataclass(frozen=True)
class _Broken:
    """A translator that could not be built: the error, and its traceback in the worker as text."""

    error: DusklineError
    trace: str


@dataclass(eq=False)
class _Process:
    process: BaseProcess
    pipe: Connection
    tasks: deque[Task]
    introduction: Introduction | None = None

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with contextlib.suppress(OSError):  # `told` reports its end
            self.pipe.send(task)

    def told(self) -> Told:
        # Results of an ended worker are still in its pipe; after them comes the end of file.
        if not self.process.is_alive() and not self.pipe.poll():
            return self._died()
        try:
            told = self.pipe.recv()
        except (EOFError, OSError):
            return self._died()
        if isinstance(told, _Broken):
            raise told.error from RuntimeError(f"in a worker:\n{told.trace}")
        return told if isinstance(told, Introduction) else (self.tasks.popleft(), told)

    def _died(self) -> Died:
        self.process.join(5)
        code = self.process.exitcode
        if code is not None and code < 0:
            return Died(f"it was killed by signal {-code}")
        return Died(f"it ended with exit code {code}")


class WorkerProcesses:
    """A crew of up to `workers` processes, fewer if memory is too small.

    sizes: (width, height) of the images to come, if known.
    Raises what `make_translator` raises, and `DusklineError` if the machine's memory is too small even for
    the smallest image.
    """

    def __init__(
        self,
        make_translator: MakeTranslator,
        output: OutputFormat,
        sizes: Collection[tuple[int, int]],
        workers: int,
    ) -> None:
        self._arguments = (make_translator, output, sizes)
        self._workers = workers
        self._room: int | None = None

    def room(self, first: Introduction) -> int:
        """How many there may be; first called when only the `first` is running."""
        if self._room is None:
            self._room = min(self._workers, _fitting(first, available_memory()))
        return self._room

    def start(self) -> _Process:
        """Start a process."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, *self._arguments), daemon=True)
        with _starting():
            process.start()
        # Otherwise the worker would keep both ends of its pipe open and not notice that we have ended.
        theirs.close()
        return _Process(process, ours, deque())

    def hear(self, workers: Sequence[_Process]) -> Iterator[tuple[_Process, Told]]:
        """Wait until workers have results, or have ended."""
        by_source: dict[Any, _Process] = {}
        for worker in workers:
            by_source[worker.pipe] = by_source[worker.process.sentinel] = worker
        heard = wait(list(by_source))
        for worker in dict.fromkeys(by_source[source] for source in heard):
            yield worker, worker.told()

    def end(self, workers: Sequence[_Process]) -> None:
        """Kill processes."""
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()


def _fitting(first: Introduction, available: int | None) -> int:
    """How many workers like the `first`, which is already running, fit into the `available` bytes."""
    if available is None or not first.task:
        return sys.maxsize
    require_room(first, available)
    return 1 + (available - first.task) // (first.held + first.task)


def require_room(introduction: Introduction, available: int | None) -> None:
    """Raise `DusklineError` if the `available` bytes are too few even for the smallest image."""
    if available is not None and introduction.task > available:
        raise DusklineError(
            f"translating an image needs about {introduction.task / 1e9:.1f} GB of memory, but"
            f" {available / 1e9:.1f} GB are available",
            hint="close other programs that use memory, or use smaller images (with a checkpoint: lower"
            " shorter_side)",
        )


def built(
    make_translator: MakeTranslator, output: OutputFormat, sizes: Collection[tuple[int, int]]
) -> tuple[Translator, Introduction, int | None]:
    """Build a translator; return it, its introduction, and the bytes of memory that its images may need.

    The introduction's `task` is the need of the largest image of `sizes`, (width, height), that fits, or of
    the smallest if none does. An error in `make_translator` becomes a `DusklineError`.
    """
    try:
        translator = make_translator()
        room = available_memory()
        needed = [translator.memory(*size) for size in sizes]
        fitting = [size for size in needed if room is None or size <= room]
        batch = translator.batch if isinstance(translator, BatchTranslator) else 0
        introduction = Introduction(
            Recipe.of(translator, output),
            ahead=_BATCHES_AHEAD * batch or _AHEAD,
            at_once=_BATCHES_AHEAD * batch or 1,
            held=resident_memory(),
            task=max(fitting, default=min(needed, default=0)),
        )
    except DusklineError:
        raise
    except Exception as error:  # any error becomes a DusklineError
        raise DusklineError(f"the translator could not be built: {type(error).__name__}: {error}") from error
    return translator, introduction, room


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """While a process starts: one numeric thread, and no Ctrl-C, which the parent handles for all."""
    before = {name: os.environ.get(name) for name in NUMERIC_THREADS}
    with signals_held():
        os.environ.update(dict.fromkeys(NUMERIC_THREADS, "1"))
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
    """The worker's main function: send its introduction, then do each task until the pipe ends."""
    begin_as_worker()
    speak_as_told()
    try:
        translator, introduction, room = built(make_translator, output, sizes)
    except DusklineError as error:
        pipe.send(_Broken(error, traceback.format_exc()))
        return
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        pipe.send(introduction)
        if isinstance(translator, BatchTranslator):
            answer_in_batches(pipe, translator, output)
        while True:
            pipe.send(attempt(pipe.recv(), translator, output, room))
