"""Estimates of a stage's time and memory, only from its last run or that of another instance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.compute.resources.timings import Timing
from pipeline.forecast.image_counts import SetsForecast, drawn_counts
from pipeline.runtime.set_stages import SET_STAGES

# Stages that take about the same for every instance.
_ALIKE = ("experiment", "augmentations", "sheet", "statistics", "compare")
# Parameters whose product is the number of items.
_COUNTED = {
    "train": ("epochs", "queries_per_epoch"),
    "adapt": ("steps", "batch"),
    "train_unit": ("iterations",),
}


@dataclass(frozen=True)
class Estimate:
    """Seconds, bytes of the largest process, and bytes of the outputs; None if unknown.

    basis: the earlier run that it is based on, in words; "" if that is the stage's own, unscaled.
    """

    seconds: float | None = None
    memory: int | None = None
    outputs: int | None = None
    basis: str = ""


@dataclass(frozen=True)
class Estimates:
    """Estimates for a `machine` (in words) from the `timings` of last runs and their entries in dvc.lock."""

    timings: Mapping[str, Timing]
    last_runs: Mapping[str, Any]
    machine: str
    params: Mapping[str, Any]
    sets: SetsForecast

    def of(self, stage: str) -> Estimate:
        """The estimate of a whole run of `stage`; its time is scaled by the number of items."""
        kind, _, name = stage.partition("@")
        items = self.items_of(stage)
        known = {other: self._items(other) for other in self.timings if other.partition("@")[0] == kind}
        others = [other for other, count in known.items() if (items and count) or kind in _ALIKE]
        like = stage if stage in known else max(others, key=lambda other: known[other] or 0, default="")
        outputs = self.sets.of(name).new_bytes if kind in SET_STAGES else self._size(like)
        if not like:
            return Estimate(outputs=outputs)
        timing, count = self.timings[like], known[like]
        factor = items / count if items and count else 1.0
        notes = [] if like == stage else [f"as {like}"]
        if factor != 1:
            notes.append(f"scaled from {count:,} to {items:,} items")
        if timing.machine != self.machine:
            notes.append(f"with other machine settings ({timing.machine})")
        return Estimate(timing.seconds * factor, timing.memory, outputs, ", ".join(notes))

    def _items(self, stage: str) -> int | None:
        return self.timings[stage].items or self.items_of(stage)

    def _size(self, stage: str) -> int | None:
        outs = self.last_runs.get(stage, {}).get("outs")
        return None if outs is None else sum(out.get("size", 0) for out in outs)

    def items_of(self, stage: str) -> int | None:
        """How many images, queries or iterations a whole run of `stage` has; None if unknown."""
        kind, _, name = stage.partition("@")
        section = self.params.get(kind)
        entry: Any = (section.get(name) if isinstance(section, Mapping) else None) or {}
        if kind in SET_STAGES:
            return self.sets.of(name).images
        if kind == "evaluate":
            tested = [str(one) for one in self.params.get("test_sets") or () if name.endswith(f"-{one}")]
            return self.sets.of(max(tested, key=len, default="")).tested
        if kind == "fetch":
            forms = drawn_counts(entry) or {}
            return sum(sum(counts.values()) for counts in forms.values()) or None
        numbers = [entry.get(parameter) for parameter in _COUNTED.get(kind, (None,))]
        return math.prod(numbers) if all(isinstance(number, int) for number in numbers) else None
