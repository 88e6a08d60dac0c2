"""A crew of actors in a Ray cluster, each with a translator; paths go in, files come out.

They need storage that all nodes share. Only the process that runs them writes the store's journal and renames
nights, so an actor or a node may be lost at any moment without damage.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from pipeline.compute.resources.actors import Actors
from pipeline.compute.resources.cluster import Needs
from pipeline.night.engine.batches import answer_in_batches
from pipeline.night.engine.store import boot_identity, write_aside
from pipeline.night.engine.translate_image import Failed, Task, Translated, Written, attempt
from pipeline.night.engine.workers import built, require_room
from pipeline.night.records.translator import BatchTranslator, MakeTranslator, OutputFormat, Recipe

# Tasks that an actor with a GPU has at a time; its threads read or encode most of them.
_AT_ONCE = 64


def translating_actors(
    ray: Any,
    make_translator: MakeTranslator,
    output: OutputFormat,
    sizes: Collection[tuple[int, int]],
    store: Path,
) -> Actors:
    """Make a crew that writes its nights to files for the store at `store`.

    Each actor needs a processor, and a GPU if its translator runs on one.
    """
    on_gpu = getattr(make_translator, "device", "cpu") == "cuda"
    make = partial(_Translation, make_translator, output, sizes, store, boot_identity())
    return Actors(ray, make, Needs(1, gpus=int(on_gpu)), threads=1, at_once=_AT_ONCE if on_gpu else 1)


class _Translation:
    """The work of an actor: a translator, and where its nights are written."""

    def __init__(
        self,
        make_translator: MakeTranslator,
        output: OutputFormat,
        sizes: Collection[tuple[int, int]],
        store: Path,
        boot: str,
    ) -> None:
        translator, introduction, room = built(make_translator, output, sizes)
        require_room(introduction, room)
        self._place = partial(write_aside, store, Recipe.of(translator, output), boot=boot)
        self._answer: Callable[[Task], Translated | Failed]
        if isinstance(translator, BatchTranslator):
            at_once = min(introduction.at_once, _AT_ONCE)
            introduction = replace(introduction, ahead=at_once, at_once=at_once)
            self._answer = _Counter(translator, output).answer
        else:
            self._answer = partial(attempt, translator=translator, output=output, room=room)
        self.introduction = introduction

    def __call__(self, task: Task) -> Written | Failed:
        """Make the night of an image and write it."""
        answer = self._answer(task)
        return answer if isinstance(answer, Failed) else self._place(task.digest, answer)


class _Counter:
    """Takes tasks from many threads at the same time; a thread of its own does them in batches."""

    def __init__(self, translator: BatchTranslator, output: OutputFormat) -> None:
        self._arrived: SimpleQueue[tuple[Task, Future[Translated | Failed]]] = SimpleQueue()
        self._taken: deque[Future[Translated | Failed]] = deque()
        self._work = partial(answer_in_batches, self, translator, output)
        threading.Thread(target=self._serve, daemon=True).start()

    def answer(self, task: Task) -> Translated | Failed:
        """Wait for the result of a task."""
        future: Future[Translated | Failed] = Future()
        self._arrived.put((task, future))
        return future.result()

    def poll(self) -> bool:
        """Whether a task has arrived."""
        return not self._arrived.empty()

    def recv(self) -> Task:
        """Wait for a task."""
        task, future = self._arrived.get()
        self._taken.append(future)
        return task

    def send(self, answer: Translated | Failed, /) -> None:
        """Set the result of the first task that has none."""
        self._taken.popleft().set_result(answer)

    def _serve(self) -> None:
        try:
            self._work()
        except Exception as error:  # otherwise waiting threads would wait forever
            while self._taken:
                self._taken.popleft().set_exception(error)
            while True:
                self._arrived.get()[1].set_exception(error)
