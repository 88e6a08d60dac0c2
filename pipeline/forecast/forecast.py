"""What `dvc repro` would do next, with what it will take: a row for each stage, and the sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.forecast.changes import Change
from pipeline.forecast.estimates import OWN_RUN, Estimate
from pipeline.runtime.human_readable import duration, size

_MARKS = {"runs": "", "cached": "from DVC's cache: ", "follows": ""}


@dataclass(frozen=True)
class Step:
    """A stage that would run, and what a whole run of it would take."""

    change: Change
    estimate: Estimate


@dataclass(frozen=True)
class Total:
    """Of several steps: seconds, the highest peak of memory and new bytes, of the steps of which it is known.

    stages: how many there are; unknown: of how many of them nothing is known.
    """

    stages: int
    unknown: int
    seconds: float
    memory: int
    written: int

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Total:
        """Sum up `steps`."""
        estimates = [step.estimate for step in steps]
        return cls(
            stages=len(estimates),
            unknown=sum(estimate.seconds is None for estimate in estimates),
            seconds=sum(estimate.seconds or 0 for estimate in estimates),
            memory=max((estimate.memory or 0 for estimate in estimates), default=0),
            written=sum(estimate.written or 0 for estimate in estimates),
        )


@dataclass(frozen=True)
class Forecast:
    """All steps in their order, and what the machine has: bytes of memory and of disk that are free.

    free_memory: None where the machine does not tell.
    """

    steps: Sequence[Step]
    free_memory: int | None
    free_disk: int

    @property
    def certain(self) -> Total:
        """Of what runs whatever comes of the stages before it."""
        return Total.of(step for step in self.steps if step.change.certainty == "runs")

    @property
    def most(self) -> Total:
        """Of all that can run."""
        return Total.of(step for step in self.steps if step.change.certainty != "cached")

    def document(self) -> Mapping[str, Any]:
        """The same for machines; sizes in bytes, times in seconds, null for what nobody knows."""
        return {
            "stages": [
                {
                    "stage": step.change.stage,
                    "certainty": step.change.certainty,
                    "reasons": list(step.change.reasons),
                    **asdict(step.estimate),
                }
                for step in self.steps
            ],
            "certain": asdict(self.certain),
            "most": asdict(self.most),
            "free_memory": self.free_memory,
            "free_disk": self.free_disk,
        }

    def lines(self) -> Iterator[str]:
        """The table, and below it what counts."""
        if not self.steps:
            yield "Nothing to do: every output is what its code, parameters and inputs make."
            return
        width = max(len(step.change.stage) for step in self.steps)
        yield _row("stage".ljust(width), "time", "memory", "new disk", "why")
        for step in self.steps:
            yield from self._step_lines(step, width)
        yield ""
        yield from self._summary()

    def _step_lines(self, step: Step, width: int) -> Iterator[str]:
        change, estimate = step.change, step.estimate
        name = change.stage.ljust(width)
        why = _MARKS[change.certainty] + "; ".join(change.reasons)
        if change.certainty == "cached":
            yield _row(name, "-", "", "", why)
        elif estimate.seconds is None or estimate.memory is None or estimate.written is None:
            yield _row(name, "unknown", "", "", why)
        else:
            yield _row(name, duration(estimate.seconds), size(estimate.memory), size(estimate.written), why)
            if estimate.basis != OWN_RUN:
                yield _row(" " * width, "", "", "", f"(time: {estimate.basis})")

    def _summary(self) -> Iterator[str]:
        certain, most = self.certain, self.most
        cached = len(self.steps) - most.stages
        if certain.stages and certain.stages != most.stages:
            yield _sentence(f"{_stages(certain)} will run", certain)
        if most.stages:
            follows = most.stages != certain.stages
            begin = f"With those that may follow, {_stages(most)}" if follows else f"{_stages(most)} will run"
            yield _sentence(begin, most)
        if cached:
            yield f"Taken from DVC's cache, without a run: {cached}."
        if most.memory:
            yield f"Memory at the peak: {size(most.memory)}; {_free(self.free_memory, most.memory)}."
        if most.unknown < most.stages:
            yield f"New on disk: {size(most.written)}; {_free(self.free_disk, most.written)}."


def _free(there: int | None, needed: int) -> str:
    if there is None:
        return "nobody tells how much is free"
    return f"{size(there)} free" + (" - TOO LITTLE" if needed > there else "")


def _stages(total: Total) -> str:
    return f"{total.stages} stage{'' if total.stages == 1 else 's'}"


def _sentence(begin: str, total: Total) -> str:
    if total.unknown == total.stages:
        it = "it was not" if total.stages == 1 else "none of it was"
        return f"{begin}; how long that takes nobody knows yet: {it} run here before."
    about = f"{begin}, in about {duration(total.seconds)}"
    if total.unknown:
        about += f" and the time of {total.unknown} that {_was(total.unknown)} not run here before"
    return f"{about}."


def _was(count: int) -> str:
    return "was" if count == 1 else "were"


def _row(stage: str, time: str, memory: str, disk: str, why: str) -> str:
    return f"{stage} {time:>11} {memory:>8} {disk:>9}  {why}".rstrip()
