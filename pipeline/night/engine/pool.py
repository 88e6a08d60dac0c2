"""The workers of a run: images go in, nights come out. Only this module knows which kind they are."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import cast

from pipeline.compute.resources.cluster import joined
from pipeline.compute.resources.worker_pool import Crew, Died, WorkerPool
from pipeline.night.engine.ray_workers import translating_actors
from pipeline.night.engine.translate_image import Failed, Night, Task
from pipeline.night.engine.workers import WorkerProcesses
from pipeline.night.records.translator import MakeTranslator, OutputFormat, Recipe
from pipeline.runtime.machine import Engine


@contextlib.contextmanager
def night_pool(
    make_translator: MakeTranslator,
    output: OutputFormat,
    store: Path,
    workers: int,
    sizes: Collection[tuple[int, int]] = (),
    engine: Engine = "local",
) -> Iterator[NightPool]:
    """Yield a pool of `workers` processes, or with "ray" of the actors that a cluster's nodes have room for.

    sizes: (width, height) of the images to come, if known. Raises what `make_translator`,
    `WorkerPool`, `WorkerProcesses` and `Actors` raise.
    """
    with contextlib.ExitStack() as held:
        crew: Crew
        if engine == "ray":
            ray = held.enter_context(joined())
            crew = translating_actors(ray, make_translator, output, sizes, store)
        else:
            crew = WorkerProcesses(make_translator, output, sizes, workers)
        pool = held.enter_context(WorkerPool(crew))
        pool.introduction()
        yield NightPool(pool)


class NightPool:
    """Workers that make nights, all with the same `recipe`."""

    def __init__(self, workers: WorkerPool) -> None:
        self._workers = workers
        self.recipe = cast(Recipe, workers.introduction().identity)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Night | Failed]]:
        """Yield each task with its outcome, in the order in which they finish; few are in flight at a time.

        An image that kills its worker, and then another worker alone, is `Failed`.
        """
        for task, answer in self._workers.run(tasks):
            # The same words wherever and however it died, because a dataset's records must not depend on
            # that.
            died = isinstance(answer, Died)
            yield task, Failed("kills the process that translates it", "reading") if died else answer
