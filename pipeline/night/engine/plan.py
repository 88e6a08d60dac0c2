"""Plans a run: which nights are in the store, which must be made, which images can have none."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.night.engine.store import NightStore
from pipeline.runtime.progress import progress


@dataclass(frozen=True, slots=True)
class Source:
    """An image of the day.

    name: POSIX path below the folder of all sources. digest: SHA-256 of its bytes. reason: why it cannot be
    read (then `digest` is ""), or "".
    """

    name: str
    digest: str
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """What is in the store, and what is to be made.

    ready: how many sources have their night in the store. todo: those that need one, in the order given; of
    sources with the same bytes only the first, because they share one night.
    """

    ready: int
    todo: tuple[Source, ...]


def make_plan(sources: Sequence[Source], store: NightStore, threads: int) -> Plan:
    """Compare `sources` with the store; nights are read (by `threads` threads) only if they are doubtful.

    No day image is read, and the store forgets nights that are missing.
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
    """Read the doubtful nights, confirm those that match the journal, and return the others."""
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
