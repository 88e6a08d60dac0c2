"""A worker pool without processes, for tests of what a run does with the nights that workers send."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from pipeline.night.engine.translate_image import Failed, Task, Translated, attempt
from pipeline.night.records.translator import OutputFormat, Recipe
from tests.night.fakes import Darkened


class PoolHere:
    """In the place of a `WorkerPool`, whose workers write nothing either."""

    def __init__(self, make_translator: Callable[[], Darkened], output: OutputFormat, *_: object) -> None:
        self.translator, self.output = make_translator(), output
        self.recipe = Recipe.of(self.translator, output)

    def __enter__(self) -> PoolHere:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def grow(self, workers: int) -> None:
        pass

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Translated | Failed]]:
        return ((task, attempt(task, self.translator, self.output)) for task in tasks)
