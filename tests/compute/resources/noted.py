"""What a library tells of its work while it is not a stage that runs it."""

from __future__ import annotations

from pipeline.compute.resources import timings


class NotedWork:
    """Forgets what was told before; `work` is what is told from then on: unit, of, done."""

    def __enter__(self) -> NotedWork:
        timings._under_way.forget()
        return self

    def __exit__(self, *error: object) -> None:
        timings._under_way.forget()

    @property
    def work(self) -> tuple[str, int, int]:
        told = timings._under_way
        return told.unit, told.of, told.done
