"""Finds damaged or missing objects in DVC's cache or on a remote, and repairs them from the other place.

DVC never does that: if a folder's listing is on the remote, a push assumes that all its files are, and a pull
verifies what it downloads only if configured to (which `duskline share` does).
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
    """An object that is damaged in one place, or missing on the remote although its folder was pushed."""

    item: SharedObject
    here: State
    there: State

    @property
    def remedy(self) -> Literal["send", "get", "none"]:
        """What to do: send the good object from here, get it from there, or nothing if both are bad."""
        if self.here == "good":
            return "send"
        return "get" if self.there == "good" else "none"


@dataclass
class Repair:
    """What was checked, what was sent or got, and what could not be repaired.

    unlisted: outputs whose listing is damaged or missing in both places.
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
        """What could not be repaired, and the stage that can make it again."""
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
    """Check the objects of `outs` (default: all) in both places, and replace bad ones by good ones.

    Every object is read in both places; with `quick` only sizes are compared, and objects that differ are
    read. Objects that were never pushed are not a fault. Bad objects without a good copy are removed from the
    cache, so that their stage can write good ones. `DusklineError` if a place cannot be reached.
    """
    wanted = project.outs(outs)
    done = Repair()
    # First the listings, which name all other objects.
    listings = [item for item in project.objects(wanted)[0] if item.is_listing]
    _repair(project.cache, remote, listings, set(), done, quick=quick)
    there = remote.sizes([item.oid for item in listings])
    pushed = {item.out for item in listings if item.oid in there}
    objects, done.unlisted = project.objects(wanted)
    others = [item for item in objects if not item.is_listing]
    _repair(project.cache, remote, others, pushed, done, quick=quick)
    return done


def _repair(
    cache: ObjectStore,
    remote: ObjectStore,
    items: Sequence[SharedObject],
    pushed: Collection[str],
    done: Repair,
    *,
    quick: bool,
) -> None:
    """Repair `items`, and record the results in `done`; `pushed`: outputs that the remote must have."""
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
