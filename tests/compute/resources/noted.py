"""What a library tells of its work while it is not a stage that runs it."""

from __future__ import annotations

from pipeline.compute.resources import timings


class NotedWork:
    """Forgets what was told before; `work` is what is told from then on: of, done."""

    def __enter__(self) -> NotedWork:
        timings._items.clear()
        return self

    def __exit__(self, *error: object) -> None:
        timings._items.clear()

    @property
    def work(self) -> tuple[int, int]:
        return timings._items["of"], timings._items["done"]
