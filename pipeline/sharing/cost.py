"""What a push costs before it begins: objects and bytes, output by output, and what is there already."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pipeline.runtime.errors import MissingInputError
from pipeline.sharing.objects import ObjectStore, SharedProject


@dataclass(frozen=True)
class Amount:
    """How many objects, and their bytes."""

    objects: int = 0
    size: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.objects + other.objects, self.size + other.size)

    def __str__(self) -> str:
        """Both in columns."""
        return f"{self.objects:>11,} {self.size / 1e6:>13,.1f} MB"


@dataclass(frozen=True)
class PushCost:
    """outs: what each output holds that no earlier one does. sent: what of it the remote lacks.

    runs: files of the run cache, which says for earlier parameters what came of them.
    """

    outs: dict[str, Amount]
    sent: Amount
    runs: int

    @property
    def total(self) -> Amount:
        """All objects, each once."""
        return sum(self.outs.values(), Amount())

    def table(self) -> str:
        """The cost of a push, in words and numbers."""
        width = max(len("not there yet, so sent"), *map(len, self.outs)) if self.outs else 24
        lines = [f"{'':<{width}} {'objects':>11} {'bytes':>16}"]
        lines += [f"{out:<{width}} {amount}" for out, amount in self.outs.items()]
        lines += [f"{'all, each object once':<{width}} {self.total}"]
        lines += [f"{'not there yet, so sent':<{width}} {self.sent}"]
        return "\n".join(
            [
                *lines,
                f"With the run cache {self.runs:,} small files more. Each object is one file on a disk, and",
                "one request to S3 to put it and to get it. Sets that share images share their objects.",
            ]
        )


def push_cost(project: SharedProject, remote: ObjectStore) -> PushCost:
    """Count what is finished here, and what of it the remote lacks.

    `MissingInputError` when nothing is finished, or when the cache lacks what the lock file names.
    """
    objects, _ = project.objects(project.outs())
    if not objects:
        raise MissingInputError("nothing is finished that could be shared", hint="run dvc repro first")
    here = project.cache.sizes([item.oid for item in objects])
    lacking = Counter(item.out for item in objects if item.oid not in here)
    if lacking:
        named = ", ".join(f"{count:,} of {out}" for out, count in lacking.items())
        raise MissingInputError(
            f"DVC's cache lacks {lacking.total():,} objects: {named}",
            hint="get them with `dvc pull`, or make them again with `dvc repro`",
        )
    amounts: dict[str, Amount] = {}
    for item in objects:
        amounts[item.out] = amounts.get(item.out, Amount()) + Amount(1, here[item.oid])
    there = remote.sizes(list(here))
    sent = [size for oid, size in here.items() if oid not in there]
    runs = Path(project.repo.stage_cache.cache_dir)
    return PushCost(
        amounts, Amount(len(sent), sum(sent)), sum(1 for path in runs.rglob("*") if path.is_file())
    )
