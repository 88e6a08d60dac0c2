"""Nights made by a real Ray cluster of two nodes: as this machine makes them, whoever is lost meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.compute.resources import actors
from pipeline.core.image_io import read_rgb
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.pool import NightPool, night_pool
from pipeline.night.engine.translate_image import Failed, Night, Task, Written
from pipeline.night.records.translator import MakeTranslator
from pipeline.runtime.errors import CheckpointError, DusklineError, ParameterError
from tests.import_graph import ROOT
from tests.night.fakes import (
    DEADLY,
    PNG,
    REFUSED,
    Darkened,
    DarkenedTogether,
    Nightly,
    ThreadCount,
    day_name,
    days,
    picture,
    plain,
    tree,
    with_a_bug,
    without_checkpoint,
    write_days,
)
from tests.night.work import KILLS, entries, tasks
from tests.ray_cluster import TwoNodes, two_nodes
from tests.waiting import later, wait_until

COUNT = 24


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    with two_nodes() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The set that this machine makes by itself."""
    base = tmp_path_factory.mktemp("local")
    Nightly(base, workers=2).run(write_days(base / "day", days(COUNT)))
    return tree(base / "night")


@dataclass(frozen=True)
class OnGpu(DarkenedTogether):
    """One that asks the cluster for a GPU, which it does without."""

    device: str = "cuda"


@dataclass(frozen=True)
class Whereabouts(Darkened):
    """Its nights have as many columns as the number of its working folder's letters."""

    def __call__(self, pixels: np.ndarray | None = None) -> np.ndarray | Darkened:
        return self if pixels is None else np.zeros((1, len(str(Path.cwd())), 3), np.uint8)


def lines(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def ray_pool(folder: Path, make: MakeTranslator) -> AbstractContextManager[NightPool]:
    return night_pool(make, PNG, folder / "store", 1, engine="ray")


def outcomes(folder: Path, work: list[Task], make: MakeTranslator) -> dict[Task, Night | Failed]:
    with ray_pool(folder, make) as pool:
        pairs = list(pool.run(work))
    assert sorted(task.path for task, _ in pairs) == sorted(task.path for task in work)
    return dict(pairs)


def pixels_of(night: Night | Failed) -> np.ndarray:
    assert isinstance(night, Written)
    return read_rgb(Path(night.path).read_bytes())


def test_without_ray_the_hint_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    day = write_days(tmp_path / "day", days(1))
    with pytest.raises(ParameterError, match="the engine is ray, which cannot be imported here") as caught:
        Nightly(tmp_path, engine="ray").run(day)
    assert "pip install duskline[cluster]" in caught.value.hint


@pytest.mark.slow
def test_a_set_is_the_same_to_the_byte_as_by_this_machine(
    nodes: TwoNodes, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    night = Nightly(tmp_path, engine="ray")
    summary = night.run(write_days(tmp_path / "day", days(COUNT)))
    assert (summary.images, summary.made, night.calls()) == (COUNT, COUNT, COUNT)
    assert tree(night.out) == wanted
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".part")]
    # Either engine continues from what the other one made.
    assert replace(night, engine="local").run(ImageSet.open(tmp_path / "day")).made == 0
    assert night.calls() == 0
    wait_until(lambda: nodes.actors() == [], "the actors were gone")


@pytest.mark.slow
def test_pictures_that_have_no_night_are_told_as_by_this_machine(nodes: TwoNodes, tmp_path: Path) -> None:
    pictures = days(4) | {day_name(90): plain(REFUSED), day_name(91): b"no image", day_name(92): b""}
    sets = []
    for engine in ("local", "ray"):
        base = tmp_path / engine
        night = Nightly(base, engine=engine, max_failed=0.5)
        night.run(write_days(base / "day", pictures))
        sets.append(tree(night.out))
    assert sets[0] == sets[1]


@pytest.mark.slow
def test_an_actor_has_one_thread_and_works_in_the_folder_of_its_driver(
    nodes: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tasks(tmp_path, [picture(1)])
    assert pixels_of(outcomes(tmp_path, work, ThreadCount())[work[0]]).max() == 11
    assert pixels_of(outcomes(tmp_path, work, Whereabouts())[work[0]]).shape[1] == len(str(Path.cwd()))


@pytest.mark.slow
def test_relative_paths_mean_the_same_to_actors(
    nodes: TwoNodes, wanted: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_days(tmp_path / "day", days(COUNT))
    monkeypatch.chdir(tmp_path)
    Nightly(Path(), engine="ray").run(ImageSet.open(Path("day")))
    assert tree(tmp_path / "night") == wanted


@pytest.mark.slow
def test_a_translator_that_cannot_be_built_is_told(nodes: TwoNodes, tmp_path: Path) -> None:
    with (
        pytest.raises(CheckpointError, match="no checkpoint here") as caught,
        ray_pool(tmp_path, without_checkpoint),
    ):
        pass
    assert caught.value.hint == "bring one"
    assert "in without_checkpoint" in str(caught.value.__cause__)
    message = "the translator could not be built: ZeroDivisionError: a bug in the factory"
    with pytest.raises(DusklineError, match=message), ray_pool(tmp_path, with_a_bug):
        pass


@pytest.mark.slow
def test_a_picture_that_kills_its_actor_is_tried_twice_and_the_set_is_as_by_this_machine(
    nodes: TwoNodes, tmp_path: Path
) -> None:
    pictures = days(6) | {day_name(90): plain(DEADLY)}
    sets = []
    for engine in ("local", "ray"):
        night = Nightly(tmp_path / engine, engine=engine, max_failed=0.2)
        summary = night.run(write_days(night.base / "day", pictures))
        assert (summary.made, [reason.text for reason in summary.reasons]) == (6, [KILLS.reason])
        assert night.calls() >= 8
        sets.append(tree(night.out))
    assert sets[0] == sets[1]


@pytest.mark.slow
def test_a_killed_actor_costs_nothing_but_what_it_had_in_hand(
    nodes: TwoNodes, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    night = Nightly(tmp_path, wait=0.2, engine="ray")
    day = write_days(tmp_path / "day", days(COUNT))
    killer = later(lambda: lines(night.log) >= 6, lambda: os.kill(nodes.actors()[0], signal.SIGKILL))
    summary = night.run(day)
    killer.join()
    assert (summary.images, summary.made, summary.failed) == (COUNT, COUNT, 0)
    assert tree(night.out) == wanted
    # The image in hand is begun again, and one more where its answer was still on its way.
    assert COUNT <= night.calls() <= COUNT + 2


@pytest.mark.slow
def test_a_lost_node_costs_nothing_but_what_it_had_in_hand(
    wanted: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    night = Nightly(tmp_path, wait=0.5, engine="ray")
    day = write_days(tmp_path / "day", days(COUNT))
    with two_nodes() as cluster:
        # On a busy machine the second actor comes late.
        loser = later(lambda: lines(night.log) >= 6 and len(cluster.actors()) == 2, cluster.lose_node)
        summary = night.run(day)
        assert lines(night.log) >= COUNT
        loser.join()
        assert cluster.nodes == 1
    # No image is suspected.
    assert "a worker died" not in caplog.text
    assert (summary.images, summary.made, summary.failed) == (COUNT, COUNT, 0)
    assert tree(night.out) == wanted
    assert COUNT <= night.calls() <= COUNT + 2


@pytest.mark.slow
def test_a_node_that_comes_later_is_given_work(tmp_path: Path) -> None:
    work = tasks(tmp_path, [picture(number) for number in range(60)])
    with two_nodes() as cluster, ray_pool(tmp_path, Darkened(wait=0.3)) as pool:
        most = 0
        for done, _ in enumerate(pool.run(work), start=1):
            if done == 4:
                cluster.add_node()
            most = max(most, len(cluster.actors()))
    assert most == 3


@pytest.mark.slow
def test_without_any_node_that_would_do_the_run_ends_in_words(
    nodes: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actors, "_PATIENCE", 3.0)
    with (
        pytest.raises(DusklineError, match="the Ray cluster has had no node with a GPU for 3 s") as caught,
        ray_pool(tmp_path, OnGpu()),
    ):
        pass
    assert "run the same command again" in caught.value.hint


@pytest.mark.slow
def test_a_gpu_is_asked_for_and_has_batches_with_threads_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "batches.log"
    work = tasks(tmp_path, [picture(number) for number in range(30)])
    with two_nodes() as cluster:
        cluster.add_node(num_gpus=1)
        found = outcomes(tmp_path, work, OnGpu(log=log, wait=0.1))
    for number, task in enumerate(work):
        assert (pixels_of(found[task]) == read_rgb(picture(number)) // 2).all()
    batches = [int(line.split()[0]) for line in log.read_text().splitlines()]
    assert sum(batches) == 30
    assert max(batches) == 4


SCRIPT = """
import sys
from pathlib import Path
from pipeline.runtime.errors import DusklineError
from pipeline.datasets.image_set.image_set import ImageSet
from tests.night.fakes import Nightly

base = Path(sys.argv[1])
try:
    print(Nightly(base, wait=0.2, engine="ray").run(ImageSet.open(base / "day")))
except DusklineError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def ended_in_the_middle(nodes: TwoNodes, base: Path, number: signal.Signals) -> tuple[int, str]:
    """Start a run, send its driver a signal when a quarter is made, and wait until nobody works for it."""
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(base)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: lines(Nightly(base).log) >= 6 or run.poll() is not None, "some were made")
    assert run.poll() is None, run.communicate()
    run.send_signal(number)
    _, said = run.communicate(timeout=60)
    wait_until(lambda: nodes.actors() == [], "the actors were gone")
    return run.returncode, said


def check_and_finish(base: Path, wanted: dict[str, bytes]) -> None:
    """The next run makes what is missing, and nothing that the store has."""
    night = Nightly(base, engine="ray")
    assert not night.out.exists()
    kept = entries(night.store)
    assert len(kept) >= 2
    night.calls()
    summary = night.run(ImageSet.open(base / "day"))
    # A night whose line in the journal was not written yet is made again.
    assert COUNT - len(kept) <= summary.made <= COUNT - len(kept) + 1
    assert night.calls() == summary.made
    assert tree(night.out) == wanted
    assert not [path for path in base.rglob("*") if path.name.endswith(".part")]


@pytest.mark.slow
def test_after_its_driver_was_killed_the_next_run_makes_nothing_twice(
    nodes: TwoNodes, wanted: dict[str, bytes], tmp_path: Path
) -> None:
    write_days(tmp_path / "day", days(COUNT))
    code, _ = ended_in_the_middle(nodes, tmp_path, signal.SIGKILL)
    assert code == -signal.SIGKILL
    check_and_finish(tmp_path, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_says_so_and_keeps_what_is_made(
    nodes: TwoNodes, wanted: dict[str, bytes], tmp_path: Path, number: signal.Signals
) -> None:
    write_days(tmp_path / "day", days(COUNT))
    code, said = ended_in_the_middle(nodes, tmp_path, number)
    assert code == 130, said
    assert said.startswith("interrupted; ")
    assert f" of {COUNT} new nights are made and kept" in said
    check_and_finish(tmp_path, wanted)
