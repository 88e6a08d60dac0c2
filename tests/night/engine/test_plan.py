from __future__ import annotations

import os
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.files import digest_bytes
from pipeline.night.engine import store as store_module
from pipeline.night.engine.journal import Journal
from pipeline.night.engine.plan import Plan, Source, make_plan
from pipeline.night.engine.store import open_store
from pipeline.night.engine.translate_image import Translated
from pipeline.night.records.translator import Recipe
from tests.night.fakes import JPG, Darkened

RECIPE = Recipe.of(Darkened(), JPG)

# What may have happened to the night of a source, and whether the night is still there.
FATES = {
    "never made": False,
    "made": True,
    "touched": True,
    "deleted": False,
    "truncated": False,
    "zeroed": False,
    "made before the crash": True,
    "zeroed by the crash": False,
}


def source(number: int, name: str = "") -> Source:
    return Source(name or f"{number:03d}.jpg", digest_bytes(b"day %d" % number))


def suffer(path: Path, fate: str) -> None:
    times = path.stat()
    match fate:
        case "touched":
            os.utime(path, ns=(5, 5))
        case "deleted":
            path.unlink()
        case "truncated":
            path.write_bytes(path.read_bytes()[:3])
        case "zeroed":
            path.write_bytes(b"\0" * times.st_size)
            os.utime(path, ns=(5, 5))
        case "zeroed by the crash":
            path.write_bytes(b"\0" * times.st_size)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


fates = st.lists(st.one_of(st.sampled_from([*FATES, "failed", "unreadable"])), max_size=12)


@given(fates, st.lists(st.integers(0, 11), max_size=12), st.integers(1, 3))
def test_every_source_is_ready_or_failed_or_to_do(
    tmp_path_factory: pytest.TempPathFactory, told: list[str], twins: list[int], threads: int
) -> None:
    root = tmp_path_factory.mktemp("nights")
    with pytest.MonkeyPatch.context() as patched:
        for boot in ("before the crash", "now"):
            patched.setattr(store_module, "boot_identity", lambda boot=boot: boot)
            with open_store(root, RECIPE) as store:
                for number, fate in enumerate(told):
                    digest = source(number).digest
                    if fate == "failed":
                        store.fail(digest, "truncated")
                    elif fate not in ("never made", "unreadable") and ("crash" in fate) == ("crash" in boot):
                        store.put(digest, Translated(b"night %d" % number, 4, 3))
                        suffer(Path(store.path(digest)), fate)
        sources = [
            Source(f"{number:03d}.jpg", "", "permission denied") if fate == "unreadable" else source(number)
            for number, fate in enumerate(told)
        ]
        sources += [source(number, f"twin-{n}.jpg") for n, number in enumerate(twins) if number < len(told)]
        fate_of = {source(number).digest: fate for number, fate in enumerate(told)}
        with open_store(root, RECIPE) as store:
            plan = make_plan(sources, store, threads)
            again = make_plan(sources, store, threads)
            for one in plan.todo:
                assert store.entry(one.digest) is None

    there = [FATES.get(fate_of[one.digest]) if one.digest else None for one in sources]
    # A twin of an unreadable file is a readable file that was never translated.
    there = [
        False if one.digest and fate_of[one.digest] == "unreadable" else state
        for one, state in zip(sources, there, strict=True)
    ]
    waiting = [one for one, state in zip(sources, there, strict=True) if state is False]
    assert plan.ready == there.count(True)
    first = {one.digest: one for one in reversed(waiting)}
    assert plan.todo == tuple(one for one in sources if first.get(one.digest) is one)
    assert again == plan


def test_nothing_asked_is_nothing_to_do(tmp_path: Path) -> None:
    with open_store(tmp_path, RECIPE) as store:
        assert make_plan([], store, 1) == Plan(0, ())


def test_doubt_is_settled_by_one_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [source(number) for number in range(20)]
    with open_store(tmp_path, RECIPE) as store:
        for one in sources:
            store.put(one.digest, Translated(b"night", 4, 3))
    read = []
    monkeypatch.setattr(store_module, "digest_file", lambda path: read.append(path) or digest_bytes(b"night"))
    monkeypatch.setattr(store_module, "boot_identity", lambda: "after the crash")
    for _ in range(2):
        with open_store(tmp_path, RECIPE) as store:
            assert make_plan(sources, store, 2) == Plan(20, ())
    assert len(read) == 20


def finished(root: Path, count: int) -> list[Source]:
    """A store that holds the nights of `count` sources: all the same file, which saves making so many."""
    sources = [source(number) for number in range(count)]
    with open_store(root, RECIPE) as store:
        entry = store.put(sources[0].digest, Translated(b"night", 4, 3))
        first, folder = store.path(sources[0].digest), store.folder
        paths = [store.path(one.digest) for one in sources]
    journal = Journal(folder / "journal.txt", "any")
    for one, path in zip(sources[1:], paths[1:], strict=True):
        Path(path).parent.mkdir(exist_ok=True)
        os.link(first, path)
        journal.done(one.digest, entry)
    journal.close()
    return sources


@pytest.mark.long
def test_fifty_thousand_finished_nights_are_planned_in_seconds(tmp_path: Path) -> None:
    sources = finished(tmp_path, 51_840)
    start = time.perf_counter()
    with open_store(tmp_path, RECIPE) as store:
        plan = make_plan([*sources[:-1], source(-1)], store, 2)
    seconds = time.perf_counter() - start
    assert (plan.ready, len(plan.todo)) == (51_839, 1)
    assert seconds < 10


def memory_of_a_plan(root: Path, count: int) -> int:
    """Bytes that sources, store and plan take at most."""
    finished(root, count)
    tracemalloc.start()
    try:
        with open_store(root, RECIPE) as store:
            # As when all of them are still to do: every source is kept.
            sources = [source(number) for number in range(count)]
            others = [source(-number) for number in range(1, count + 1)]
            plan = make_plan(others, store, 2)
            assert (plan.ready, len(plan.todo), len(sources)) == (0, count, count)
            return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.long
def test_a_plan_takes_at_most_a_kilobyte_for_each_image(tmp_path: Path) -> None:
    few, many = memory_of_a_plan(tmp_path / "few", 2_000), memory_of_a_plan(tmp_path / "many", 50_000)
    assert few / 2_000 < 1024
    assert (many - few) / 48_000 < 1024
