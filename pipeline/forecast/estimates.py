"""What a stage will take, by what it and others of its kind took before; never by anything else."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.compute.resources.timings import Timing, read_timings, recorded_stages
from pipeline.forecast.image_counts import SetsForecast, drawn_counts
from pipeline.runtime.machine import Machine
from pipeline.runtime.stage_outs import SET_STAGES

# The basis of an estimate that is the stage's own last run as it was.
OWN_RUN = "its last run"
# Stages that take much the same whichever instance it is.
_MUCH_THE_SAME = ("experiment", "augmentations", "sheet", "statistics", "compare")
_PLURAL = {"image": "images", "query": "queries", "iteration": "iterations"}
# Less of a run's work than this says nothing of the whole.
_LEAST_DONE = 0.1


@dataclass(frozen=True)
class Amount:
    """So much work, in the unit that the stage counts it in ("image", "query", "iteration")."""

    count: int
    unit: str


@dataclass(frozen=True)
class Estimate:
    """Seconds, bytes of memory at the peak, and bytes of new files; None where nobody knows.

    basis: which earlier run it rests on, in words; "unknown" says why there is none.
    """

    seconds: float | None
    memory: int | None
    written: int | None
    basis: str


UNKNOWN = Estimate(None, None, None, "unknown: nothing like it was run here")


class Estimates:
    """Estimates from the record of runs in the machine's work store; `params` and `sets`: what is to do."""

    def __init__(self, machine: Machine, params: Mapping[str, Any], sets: SetsForecast) -> None:
        self._machine = machine
        self._params = params
        self._sets = sets
        self._stages = recorded_stages(machine.work)
        self._known: dict[str, list[Timing]] = {}

    def of(self, stage: str) -> Estimate:
        """The estimate of a whole run of `stage`: of one that finds nothing made by an earlier run.

        It rests on the newest run of the best kind: of itself before others of its kind, on this machine with
        these settings before others, whole runs before those that found a part; scaled by the amount of work.
        """
        amount = amount_of(stage, self._params, self._sets)
        candidates = [*self._own(stage), *self._of_its_kind(stage, amount)]
        ranked = sorted(enumerate(candidates), key=lambda pair: (self._rank(pair[1], stage), pair[0]))
        for _, timing in ranked:
            estimate = self._from(timing, stage, amount)
            if estimate is not None:
                return estimate
        return UNKNOWN

    def _own(self, stage: str) -> list[Timing]:
        return list(reversed(self._runs(stage)))

    def _of_its_kind(self, stage: str, amount: Amount | None) -> Iterator[Timing]:
        kind = stage.partition("@")[0]
        others = [other for other in self._stages if other != stage and other.partition("@")[0] == kind]
        if amount is None and kind not in _MUCH_THE_SAME:
            return
        runs = [timing for other in others for timing in self._runs(other)]
        yield from sorted(runs, key=lambda timing: -timing.ended)

    def _runs(self, stage: str) -> list[Timing]:
        if stage not in self._known:
            self._known[stage] = read_timings(self._machine.work, stage)
        return self._known[stage]

    def _rank(self, timing: Timing, stage: str) -> tuple[bool, bool, bool]:
        return not self._is_here(timing), timing.stage != stage, timing.done < timing.of

    def _is_here(self, timing: Timing) -> bool:
        machine = self._machine
        here = (platform.node(), machine.device, machine.engine, machine.workers)
        return here == (timing.host, timing.device, timing.engine, timing.workers)

    def _from(self, timing: Timing, stage: str, amount: Amount | None) -> Estimate | None:
        """The estimate by one run; None when that run says nothing of this one."""
        own = timing.stage == stage
        notes = []
        factor = 1.0
        if timing.of:
            if timing.done < _LEAST_DONE * timing.of:
                return None
            if timing.done < timing.of:
                notes.append(f"which made {timing.done:,} of {timing.of:,}")
            factor = timing.of / timing.done
        if amount is not None and timing.of and timing.unit == amount.unit:
            factor *= amount.count / timing.of
            if amount.count != timing.of:
                notes.append(f"for {amount.count:,} {_PLURAL[amount.unit]} instead of {timing.of:,}")
        elif not own and stage.partition("@")[0] not in _MUCH_THE_SAME:
            return None
        if not self._is_here(timing):
            settings = f"{timing.host}, {timing.device}, {timing.engine}, {timing.workers} workers"
            notes.append(f"on another machine or with other settings ({settings})")
        basis = ", ".join([OWN_RUN if own else f"as {timing.stage}", *notes])
        return Estimate(timing.seconds * factor, timing.memory, round(timing.written * factor), basis)


def amount_of(stage: str, params: Mapping[str, Any], sets: SetsForecast) -> Amount | None:
    """How much a whole run of `stage` has to do; None when that has no count or nobody knows."""
    kind, _, name = stage.partition("@")
    section = (params.get(kind) or {}).get(name) if isinstance(params.get(kind), Mapping) else None
    if kind in SET_STAGES:
        return _some(sets.of(name).images, "image")
    if kind == "evaluate":
        tested = {f"{experiment}-{test_set}": test_set for experiment, test_set in _evaluated(params)}
        return _some(sets.of(tested[name]).tested, "image") if name in tested else None
    if not isinstance(section, Mapping):
        return None
    if kind == "fetch":
        drawn = drawn_counts(section)
        return _some(sum(sum(form.values()) for form in drawn.values()), "image") if drawn else None
    if kind == "train":
        return _some(_product(section, "epochs", "queries_per_epoch"), "query")
    if kind == "train_unit":
        return _some(_product(section, "iterations"), "iteration")
    return None


def _evaluated(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for experiment in params.get("experiment") or ():
        for test_set in params.get("test_sets") or ():
            yield str(experiment), str(test_set)


def _product(section: Mapping[str, Any], *names: str) -> int | None:
    product = 1
    for name in names:
        value = section.get(name)
        if not isinstance(value, int):
            return None
        product *= value
    return product


def _some(count: int | None, unit: str) -> Amount | None:
    return Amount(count, unit) if count else None
