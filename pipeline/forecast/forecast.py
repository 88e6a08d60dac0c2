"""What `dvc repro` would do next, with time and memory: a row for each stage, and totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.forecast.changes import Change
from pipeline.forecast.estimates import Estimate
from pipeline.forecast.hindrances import HOW_TO_FIX
from pipeline.runtime.human_readable import duration, size


def forecast_lines(
    steps: Sequence[tuple[Change, Estimate]], free_memory: int | None, free_disk: int
) -> Iterator[str]:
    """The table of `steps`, and totals below it.

    free_memory, free_disk: bytes; None if unknown.
    """
    if not steps:
        yield "Nothing to do: every output is up to date."
        return
    width = max(len(change.stage) for change, _ in steps)
    yield _row("stage".ljust(width), "time", "memory", "outputs", "why")
    for change, it in steps:
        name, why = change.stage.ljust(width), "; ".join(change.reasons)
        if change.certainty in ("cached", "stuck"):
            yield _row(name, "-", "", "", f"from DVC's cache: {why}" if change.certainty == "cached" else why)
            continue
        time = "unknown" if it.seconds is None else duration(it.seconds)
        memory, outputs = ("" if one is None else size(one) for one in (it.memory, it.outputs))
        yield _row(name, time, memory, outputs, why)
        if it.basis:
            yield _row(" " * width, "", "", "", f"(time: {it.basis})")
    runs = [it for change, it in steps if change.certainty == "runs"]
    most = [it for change, it in steps if change.certainty in ("runs", "follows")]
    cached, stuck = (
        sum(change.certainty == certainty for change, _ in steps) for certainty in ("cached", "stuck")
    )
    yield ""
    if runs:
        yield f"Stages that will run: {len(runs)}, {_time(runs)}."
    if len(most) > len(runs):
        yield f"With those that may follow: {len(most)}, {_time(most)}."
    if cached:
        yield f"Taken from DVC's cache, without a run: {cached}."
    if stuck:
        yield f"Stages that DVC stops at: {stuck}. What to do: {HOW_TO_FIX}."
    if memories := [it.memory for it in most if it.memory]:
        yield f"Memory of the largest process: {_of(max(memories), free_memory)}."
    if written := sum(it.outputs or 0 for it in most):
        yield f"Outputs: {_of(written, free_disk)}."


def _time(estimates: Sequence[Estimate]) -> str:
    known = [it.seconds for it in estimates if it.seconds is not None]
    about = [f"in about {duration(sum(known))}"] if known else []
    unknown = len(estimates) - len(known)
    return " and ".join([*about, *([f"an unknown time for {unknown}"] if unknown else [])])


def _of(needed: int, free: int | None) -> str:
    if free is None:
        return f"{size(needed)}; unknown amount free"
    return f"{size(needed)}; {size(free)} free" + (" - TOO LITTLE" if needed > free else "")


def _row(stage: str, time: str, memory: str, outputs: str, why: str) -> str:
    return f"{stage} {time:>11} {memory:>8} {outputs:>9}  {why}".rstrip()
