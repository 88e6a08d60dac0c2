"""Workers in a Ray cluster: actors that each hold a translator; paths go in, files come out.

They need storage that all nodes share. Only the process that runs them keeps the store's journal and gives
nights their names, so an actor or a node may be lost at any moment and nothing is spoilt.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from pipeline.compute.resources.actor import Introduction
from pipeline.compute.resources.actor_pool import ActorOptions, ActorPool
from pipeline.compute.resources.cluster import Needs, joined
from pipeline.night.engine.batches import answer_in_batches
from pipeline.night.engine.store import boot_identity, write_aside
from pipeline.night.engine.translate_image import Failed, Task, Translated, Written, attempt
from pipeline.night.engine.workers import Ready, not_built, require_room
from pipeline.night.records.translator import BatchTranslator, MakeTranslator, OutputFormat, Recipe
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.memory import available_memory

# Tasks that an actor with a GPU has at a time, most of them read or encoded by its threads.
_AT_ONCE = 64


class RayPool:
    """What a `WorkerPool` is, of actors; their nights are in files for the store at `store` to take.

    Each takes a processor, and one with a GPU's translator a GPU too. Raises what `WorkerPool` and
    `ActorPool` raise.
    """

    def __init__(
        self,
        make_translator: MakeTranslator,
        output: OutputFormat,
        sizes: Collection[tuple[int, int]],
        store: Path,
    ) -> None:
        self._make = partial(_Translation, make_translator, output, sizes, store, boot_identity())
        on_gpu = getattr(make_translator, "device", "cpu") == "cuda"
        self._options = ActorOptions(Needs(1, gpus=int(on_gpu)), threads=1, at_once=_AT_ONCE if on_gpu else 1)
        self._held = contextlib.ExitStack()
        self._pool: ActorPool | None = None

    def __enter__(self) -> RayPool:
        with contextlib.ExitStack() as held:
            ray = held.enter_context(joined())
            self._pool = held.enter_context(ActorPool(ray, self._make, self._options))
            self._pool.introduction()
            self._held = held.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    @property
    def recipe(self) -> Recipe:
        """What all actors make nights by."""
        return cast(Recipe, self._entered.introduction().identity)

    def grow(self, workers: int) -> None:
        """Have up to `workers` actors, as far as the cluster's nodes have room for them."""
        self._entered.grow(workers)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Written | Failed]]:
        """Yield each task with its outcome, in the order in which they come; few are ever in flight."""
        return self._entered.run(tasks)

    @property
    def _entered(self) -> ActorPool:
        if self._pool is None:
            raise RuntimeError("a pool of actors is used inside its `with` block")
        return self._pool


class _Translation:
    """What an actor holds: a translator, and where its nights go."""

    def __init__(
        self,
        make_translator: MakeTranslator,
        output: OutputFormat,
        sizes: Collection[tuple[int, int]],
        store: Path,
        boot: str,
    ) -> None:
        try:
            translator = make_translator()
        except DusklineError:
            raise
        except Exception as error:  # whatever it is, it has one name
            raise not_built(error) from error
        room = available_memory()
        ready = Ready.of(translator, output, sizes, room)
        require_room(ready, room)
        self._store, self._boot, self._recipe = store, boot, ready.recipe
        self._answer: Callable[[Task], Translated | Failed]
        ahead = ready.ahead
        if isinstance(translator, BatchTranslator):
            ahead = min(ahead, _AT_ONCE)
            self._answer = _Counter(translator, output).answer
        else:
            self._answer = partial(attempt, translator=translator, output=output, room=room)
        self.introduction = Introduction(ready.recipe, ahead, ready.built + ready.picture)

    def __call__(self, task: Task) -> Written | Failed:
        """Make the night of a picture and write it."""
        answer = self._answer(task)
        if isinstance(answer, Failed):
            return answer
        return write_aside(self._store, self._recipe, task.digest, answer, self._boot)


class _Counter:
    """Takes tasks from many threads at the same time, and has them answered in batches by one of its own."""

    def __init__(self, translator: BatchTranslator, output: OutputFormat) -> None:
        self._arrived: SimpleQueue[tuple[Task, Future[Translated | Failed]]] = SimpleQueue()
        self._taken: deque[Future[Translated | Failed]] = deque()
        self._work = partial(answer_in_batches, self, translator, output)
        threading.Thread(target=self._serve, daemon=True).start()

    def answer(self, task: Task) -> Translated | Failed:
        """Wait for the answer to a task."""
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
        """Give the answer to the first task that has none."""
        self._taken.popleft().set_result(answer)

    def _serve(self) -> None:
        try:
            self._work()
        except Exception as error:  # else those who wait would wait for ever
            while self._taken:
                self._taken.popleft().set_exception(error)
            while True:
                self._arrived.get()[1].set_exception(error)
