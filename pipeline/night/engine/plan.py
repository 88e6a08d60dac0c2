"""What there is to do: which nights are in the store, which images want one, which can have none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.night.engine.store import NightStore
from pipeline.runtime.progress import progress


@dataclass(frozen=True, slots=True)
class Source:
    """An image of the day.

    name: POSIX path below the folder of all sources. digest: SHA-256 of its bytes. reason: why it cannot even
    be read (and `digest` is ""), or "".
    """

    name: str
    digest: str
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """What there is, and what is to do.

    ready: how many sources have their night in the store. todo: those that want one, in the order given; of
    some that share the same bytes the first, as they share one night.
    """

    ready: int
    todo: tuple[Source, ...]


def make_plan(sources: Sequence[Source], store: NightStore, threads: int) -> Plan:
    """Hold `sources` against the store; nights are read (by `threads` threads) only where there is doubt.

    No image of the day is read, and nothing is kept but what is to do.
    """
    failed = 0
    absent: set[str] = set()
    doubtful: set[str] = set()
    for source in sources:
        if source.reason or store.failure(source.digest) is not None:
            failed += 1
            continue
        state = store.state(source.digest)
        if state != "good":
            (absent if state == "absent" else doubtful).add(source.digest)
    absent |= _spoilt(doubtful, store, threads)
    waiting = sum(source.digest in absent for source in sources)
    for digest in absent:
        store.forget(digest)
    todo = []
    for source in sources:
        if source.digest in absent:
            todo.append(source)
            absent.remove(source.digest)
    return Plan(len(sources) - failed - waiting, tuple(todo))


def _spoilt(doubtful: Collection[str], store: NightStore, threads: int) -> set[str]:
    """Read the doubtful nights, vouch for those that are what the journal says, and return the others."""
    if not doubtful:
        return set()
    spoilt = set()
    digests = sorted(doubtful)
    with ThreadPoolExecutor(threads) as pool:
        results = progress(pool.map(store.is_whole, digests), total=len(digests), label="check the store")
        for digest, whole in zip(digests, results, strict=True):
            if whole:
                store.confirm(digest)
            else:
                spoilt.add(digest)
    return spoilt
