"""Objects that are spoilt or gone, in DVC's cache or on a remote: found, named, and fixed by the other's.

DVC itself never does that: while a folder's listing is on the remote, a push takes all its files for present,
and a pull verifies what it gets only where it is told to (which `duskline share` does).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pipeline.runtime.errors import listed
from pipeline.runtime.progress import progress
from pipeline.sharing.objects import ObjectStore, SharedObject, SharedProject

State = Literal["good", "bad", "absent"]
_SHOWN = 10


@dataclass(frozen=True)
class Fault:
    """An object that is bad in one place, or lacking on the remote though its folder is there."""

    item: SharedObject
    here: State
    there: State

    @property
    def remedy(self) -> Literal["send", "get", "none"]:
        """Where a good one is: here, so that it is sent; there, so that it is got; nowhere within reach."""
        if self.here == "good":
            return "send"
        return "get" if self.there == "good" else "none"


@dataclass
class Repair:
    """What was looked at, what was fixed, sent or got, and what could not be.

    unlisted: outputs whose very listing is bad or absent in both places.
    """

    checked: int = 0
    sent: list[Fault] = field(default_factory=list)
    got: list[Fault] = field(default_factory=list)
    lost: list[Fault] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything is good now."""
        return not self.lost and not self.unlisted

    def __str__(self) -> str:
        """What was found and done, object by object."""
        parts = [f"{self.checked:,} objects checked"]
        for faults, what in (
            (self.sent, "were damaged or missing on the remote and are uploaded again"),
            (self.got, "were damaged in DVC's cache and are downloaded again"),
        ):
            if faults:
                names = listed((f"{fault.item.name} ({fault.item.oid})" for fault in faults), _SHOWN)
                parts.append(f"{len(faults):,} {what}:{names}")
        if self.got:
            parts.append("the working tree may still have damaged files: run `dvc checkout --force --relink`")
        return "\n".join(parts)

    def losses(self) -> str:
        """What could not be fixed, and by which stage it can be made again."""
        by_stage: dict[str, list[str]] = defaultdict(list)
        for fault in self.lost:
            by_stage[fault.item.stage].append(f"{fault.item.name} ({fault.item.oid})")
        lines = [f"made by {stage}:{listed(names, _SHOWN)}" for stage, names in sorted(by_stage.items())]
        return "\n".join(
            [*lines, *(f"{out}: its list of files, so its files are unknown" for out in self.unlisted)]
        )


def repair(
    project: SharedProject, remote: ObjectStore, outs: Sequence[str] = (), *, quick: bool = False
) -> Repair:
    """Look at the objects of `outs` (none: of all) in both places, and replace bad ones by good ones.

    Every object is read in both places; with `quick` only their sizes are compared, and read are those that
    differ. What the remote simply lacks, because nobody has pushed it, is not a fault. Bad objects of which
    there is no good one are removed from the cache, so that the stage that makes them can put good ones in.
    `DusklineError` when a place cannot be reached.
    """
    wanted = project.outs(outs)
    done = Repair()
    # First the listings, which say what else there is.
    listings = [item for item in project.objects(wanted)[0] if item.is_listing]
    _mend(project.cache, remote, listings, set(), done, quick=quick)
    there = remote.sizes([item.oid for item in listings])
    pushed = {item.out for item in listings if item.oid in there}
    objects, done.unlisted = project.objects(wanted)
    others = [item for item in objects if not item.is_listing]
    _mend(project.cache, remote, others, pushed, done, quick=quick)
    return done


def _mend(
    cache: ObjectStore,
    remote: ObjectStore,
    items: Sequence[SharedObject],
    pushed: Collection[str],
    done: Repair,
    *,
    quick: bool,
) -> None:
    """Fix `items`, and note in `done` what came of them; `pushed`: outputs that the remote has to have."""
    oids = [item.oid for item in items]
    here, there = cache.sizes(oids), remote.sizes(oids)
    done.checked += len(items)
    for item in progress(items, total=len(items), label="check"):
        if quick and here.get(item.oid) == there.get(item.oid):
            continue
        fault = Fault(item, _state(cache, item.oid, here), _state(remote, item.oid, there))
        lacking = fault.there == "absent" and item.out in pushed
        if "bad" not in (fault.here, fault.there) and not lacking:
            continue
        if fault.remedy == "send":
            remote.replace(item.oid, cache)
            done.sent.append(fault)
        elif fault.remedy == "get":
            cache.replace(item.oid, remote)
            done.got.append(fault)
        else:
            if fault.here == "bad":
                cache.remove(item.oid)
            done.lost.append(fault)


def _state(store: ObjectStore, oid: str, sizes: dict[str, int]) -> State:
    if oid not in sizes:
        return "absent"
    return "good" if store.is_good(oid) else "bad"
