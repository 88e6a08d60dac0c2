"""A pool without processes, for tests of what a run does with the nights that workers send."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator

from pipeline.night.engine.translate_image import Failed, Task, Translated, attempt
from pipeline.night.records.translator import OutputFormat, Recipe
from tests.night.fakes import Darkened


class PoolHere:
    """In the place of a `NightPool`, whose workers write nothing either."""

    def __init__(self, translator: Darkened, output: OutputFormat) -> None:
        self.translator, self.output = translator, output
        self.recipe = Recipe.of(translator, output)

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Translated | Failed]]:
        return ((task, attempt(task, self.translator, self.output)) for task in tasks)


@contextlib.contextmanager
def night_pool_here(
    make_translator: Callable[[], Darkened], output: OutputFormat, *_: object
) -> Iterator[PoolHere]:
    yield PoolHere(make_translator(), output)
