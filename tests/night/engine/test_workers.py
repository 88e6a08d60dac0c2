from __future__ import annotations

import os
import time
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path

import pytest

from pipeline.core.image_io import read_rgb
from pipeline.night.engine import workers
from pipeline.night.engine.pool import night_pool
from pipeline.night.engine.translate_image import Failed, Night, Task, Translated
from pipeline.night.records.translator import MakeTranslator, Recipe
from pipeline.runtime.errors import CheckpointError, DusklineError
from tests.night.fakes import (
    DEADLY,
    FAULTY,
    JPG,
    PNG,
    Darkened,
    DarkenedTogether,
    ThreadCount,
    dying,
    picture,
    plain,
    with_a_bug,
    without_checkpoint,
)
from tests.night.work import KILLS, tasks


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert active_children() == []


def outcomes(work: list[Task], workers: int, make: MakeTranslator) -> dict[Task, Night | Failed]:
    with night_pool(make, PNG, Path(), workers) as pool:
        pairs = list(pool.run(work))
    assert sorted(task.path for task, _ in pairs) == sorted(task.path for task in work)
    return dict(pairs)


@pytest.mark.parametrize("workers", [1, 3])
def test_every_task_has_its_own_outcome(tmp_path: Path, workers: int) -> None:
    pictures = [picture(number) for number in range(12)] + [plain(FAULTY), b"no image"]
    work = tasks(tmp_path, pictures)
    found = outcomes(work, workers, Darkened())
    for task, data in zip(work[:12], pictures[:12], strict=True):
        made = found[task]
        assert isinstance(made, Translated)
        assert (read_rgb(made.data) == read_rgb(data) // 2).all()
    assert found[work[12]] == Failed("RuntimeError: out of order", "fault")
    assert found[work[13]] == Failed("not an image that can be read", "image")


def test_the_workers_tell_what_they_follow(tmp_path: Path) -> None:
    with night_pool(Darkened(4), JPG, tmp_path, 1) as pool:
        assert pool.recipe == Recipe.of(Darkened(4), JPG)
        assert list(pool.run([])) == []


def test_tasks_are_taken_only_as_they_are_needed(tmp_path: Path) -> None:
    work = tasks(tmp_path, [picture(number) for number in range(30)])
    taken = 0

    def counted() -> Iterator[Task]:
        nonlocal taken
        for task in work:
            taken += 1
            yield task

    with night_pool(Darkened(), PNG, tmp_path, 2) as pool:
        for done, _ in enumerate(pool.run(counted()), start=1):
            assert taken <= done + 4


def test_a_worker_has_one_thread_and_the_parent_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    work = tasks(tmp_path, [picture(1)])
    made = outcomes(work, 1, ThreadCount())[work[0]]
    assert isinstance(made, Translated)
    assert read_rgb(made.data).max() == 11
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


def test_what_a_factory_raises_is_raised_here_with_the_workers_traceback() -> None:
    with (
        pytest.raises(CheckpointError, match="no checkpoint here") as caught,
        night_pool(without_checkpoint, JPG, Path(), 1),
    ):
        pass
    assert caught.value.hint == "bring one"
    assert "in without_checkpoint" in str(caught.value.__cause__)


def test_a_bug_in_a_factory_is_named() -> None:
    message = "the translator could not be built: ZeroDivisionError: a bug in the factory"
    with pytest.raises(DusklineError, match=message) as caught, night_pool(with_a_bug, JPG, Path(), 1):
        pass
    assert "in with_a_bug" in str(caught.value.__cause__)


def test_workers_that_die_while_they_build_are_an_error_not_a_wait() -> None:
    with (
        pytest.raises(DusklineError, match=r"10 workers in a row died.*killed by signal 9") as caught,
        night_pool(dying, JPG, Path(), 1),
    ):
        pass
    assert "DUSKLINE_WORKERS" in caught.value.hint


@pytest.mark.parametrize("workers", [1, 2])
def test_a_picture_that_kills_its_worker_is_tried_twice_and_the_others_are_made(
    tmp_path: Path, workers: int
) -> None:
    log = tmp_path / "calls.log"
    work = tasks(tmp_path, [picture(1), picture(2), plain(DEADLY), picture(3), picture(4)])
    found = outcomes(work, workers, Darkened(log=log))
    assert found.pop(work[2]) == KILLS
    assert all(isinstance(night, Translated) for night in found.values())
    # None of the others is begun again, unless its answer was on its way.
    assert 6 <= len(log.read_text().splitlines()) <= 7


def test_of_a_batch_that_kills_its_worker_only_the_cause_fails(tmp_path: Path) -> None:
    work = tasks(tmp_path, [*(picture(number) for number in range(20)), plain(DEADLY), picture(20)])
    found = outcomes(work, 1, DarkenedTogether())
    assert found.pop(work[20]) == KILLS
    assert all(isinstance(night, Translated) for night in found.values())


@pytest.mark.slow
def test_leaving_early_ends_the_workers_at_once(tmp_path: Path) -> None:
    work = tasks(tmp_path, [picture(number) for number in range(4)])
    left = 0.0
    with pytest.raises(ValueError, match="enough"), night_pool(Darkened(wait=5), PNG, tmp_path, 2) as pool:
        next(pool.run(work))
        left = time.monotonic()
        raise ValueError("enough")
    assert time.monotonic() - left < 3


class Hungry(Darkened):
    """Takes a gigabyte for each pixel across."""

    def memory(self, width: int, height: int) -> int:
        return (width << 30) + 0 * height


@pytest.mark.parametrize(("room", "started"), [(3.1, 1), (6.5, 2), (None, 5)])
def test_no_more_workers_are_started_than_the_memory_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, room: float | None, started: int
) -> None:
    # The first holds 3 GiB in the end, each other one as much and what a process takes before it.
    available = None if room is None else int(room * (1 << 30))
    monkeypatch.setattr(workers, "available_memory", lambda: available)
    work = tasks(tmp_path, [picture(number) for number in range(9)])
    with night_pool(Hungry(), PNG, tmp_path, 5, {(3, 9), (2, 100)}) as pool:
        next(pool.run(work))
        assert len(active_children()) == started


def test_a_picture_larger_than_the_memory_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(workers, "available_memory", lambda: 2 << 30)
    with night_pool(Hungry(), PNG, tmp_path, 1, [(3, 9)]) as pool:
        assert list(pool.run([])) == []
        with pytest.raises(
            DusklineError,
            match=r"translating an image needs about 3\.2 GB of memory, but 2\.1 GB are",
        ) as caught:
            list(pool.run(tasks(tmp_path, [picture(1)])))
    assert "lower shorter_side" in caught.value.hint


def test_unknown_sizes_set_no_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(workers, "available_memory", lambda: 0)
    with night_pool(Hungry(), PNG, tmp_path, 2) as pool:
        next(pool.run(tasks(tmp_path, [picture(number) for number in range(4)])))
        assert len(active_children()) == 2


class Choosy(Darkened):
    """Wants more memory than any machine has for images of 16 pixels across."""

    def memory(self, width: int, height: int) -> int:
        return 1 << 60 if width == 16 else height


def test_a_picture_that_does_not_fit_is_a_row_and_the_others_are_made(tmp_path: Path) -> None:
    work = tasks(tmp_path, [picture(1, 12, 16), picture(2, 16, 12), picture(3, 12, 16)])
    with night_pool(Choosy(), PNG, tmp_path, 2, [(12, 16), (16, 12)]) as pool:
        found = dict(pool.run(work))
    assert isinstance(found[work[0]], Translated)
    assert isinstance(found[work[2]], Translated)
    assert found[work[1]] == Failed(
        "needs about 1152921504.6 GB of memory, more than is available", "reading"
    )
