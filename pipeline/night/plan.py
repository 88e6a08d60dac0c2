"""What there is to do: which nights are in the store, which pictures want one, which can have none."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pipeline.core.progress import progress
from pipeline.night.store import NightStore


@dataclass(frozen=True, slots=True)
class Source:
    """A picture of the day.

    name: POSIX path below the folder of all sources. digest: SHA-256 of its bytes. reason: why it cannot even
    be read (and `digest` is ""), or "".
    """

    name: str
    digest: str
    reason: str = ""


@dataclass(frozen=True)
class Plan:
    """Counts of sources, and what is to do; sources with the same bytes share one night.

    ready: their night is in the store. failed: known to have none. todo: one source for each night to make, in
    the order given.
    """

    ready: int
    failed: int
    todo: tuple[Source, ...]


def make_plan(sources: Iterable[Source], store: NightStore, threads: int) -> Plan:
    """Hold `sources` against the store; contents are read (by `threads` threads) only where there is doubt.

    Reads no picture of the day and keeps nothing of the sources but those to do.
    """
    sources = tuple(sources)
    whole = _whole_ones(sources, store, threads)
    todo: dict[str, Source] = {}
    ready = failed = 0
    for source in sources:
        if source.reason or store.failure(source.digest) is not None:
            failed += 1
        elif source.digest in todo:
            continue
        elif whole.get(source.digest) or (source.digest not in whole and store.state(source.digest) == "good"):
            ready += 1
        else:
            todo[source.digest] = source
    return Plan(ready, failed, tuple(todo.values()))


def _whole_ones(sources: tuple[Source, ...], store: NightStore, threads: int) -> dict[str, bool]:
    """Read the doubtful entries: True for each that is what the journal says, False for the others."""
    doubtful = sorted({source.digest for source in sources if store.state(source.digest) == "doubtful"})
    if not doubtful:
        return {}
    with ThreadPoolExecutor(threads) as pool:
        results = pool.map(store.is_whole, doubtful, chunksize=1)
        whole = dict(zip(doubtful, progress(results, total=len(doubtful), label="check the store"), strict=True))
    for digest, holds in whole.items():
        if holds:
            store.confirm(digest)
    return whole
