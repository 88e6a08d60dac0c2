"""The steps that are measured, each in a process of its own, one after the other as a user would run them."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import click

from benchmarks.growth.measurements import Measurement
from benchmarks.growth.project import (
    BOTH,
    DAYS,
    NIGHTS,
    SECTIONS,
    STAGES,
    Place,
    build,
    build_clone,
    fill_store,
    recipe,
)
from benchmarks.project_copy import project_environment
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.engine.plan import Source, make_plan
from pipeline.night.engine.store import open_store

Result = TypeVar("Result")

FORMAT = "format"
PLAN = "plan nights that are all there"
RECORD = "record them: the night set, its origins"
MERGE = "merge day and night"
FIRST = "first `dvc repro` of the three sets"
NOTHING = "`dvc repro` with nothing to do"
PUSH = "`dvc push` to a folder"
PULL = "`dvc pull` into a fresh clone"


# Every image a file of its own.
_AS_FILES = {"shards_above": 10**9}
# In the order in which they are measured.
STEPS = (FORMAT, PLAN, RECORD, MERGE, FIRST, NOTHING, PUSH, PULL)


def measured_steps(root: Path, images: int) -> Iterator[Measurement]:
    """Build a project of `images` below the new folder `root`, and yield each step as it was measured."""
    place = Place(root)
    build(place, images)

    def measured(step: str) -> Measurement:
        seconds, busy, peak = _alone(_run, step, place)
        return Measurement(step, images, seconds, busy, peak)

    for step in STEPS:
        yield measured(step)
        if step == FORMAT:
            _alone(fill_store, place)
        elif step == PUSH:
            build_clone(place)
    _require_pulled(place, images)


def _require_pulled(place: Place, images: int) -> None:
    """Hold that all of it was done: what came to the clone is a whole set, of each day and its night."""
    pulled = len(ImageSet.open(place.clone / "data" / "sets" / BOTH).rows)
    if pulled != 2 * images:
        raise click.ClickException(f"{pulled:,} of {2 * images:,} images came to the clone")


def _alone(function: Callable[..., Result], *arguments: object) -> Result:
    """Call in a process of its own, which begins with nothing of ours."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _run(step: str, place: Place) -> tuple[float, float, int]:
    """Return seconds, those that processors worked, and the peak in bytes."""
    root = place.clone if step == PULL else place.project
    os.chdir(root)
    os.environ.update(project_environment(root))
    # What stages print is not wanted, nor what those print that dvc starts.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    start, worked = time.perf_counter(), os.times()
    _HOW[step]()
    end, over = time.perf_counter(), os.times()
    return end - start, sum(over[:4]) - sum(worked[:4]), _peak()


def _peak() -> int:
    """The most bytes that this process held; what getrusage tells begins with the peak of its parent."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024


def _stage(module: str, name: str, section: dict[str, object]) -> None:
    options = [part for key, value in section.items() for part in (f"--{key}", str(value))]
    command = importlib.import_module(f"stages.{module}").main
    command(["--name", name, *options], standalone_mode=False)


def _plan() -> None:
    sources = [Source(row.name, row.digest) for row in ImageSet.open(Path("data/sets") / DAYS).rows]
    with open_store(Path("work/nights"), recipe()) as store:
        plan = make_plan(sources, store, threads=1)
    if plan.ready != len(sources):
        raise click.ClickException(f"{plan.ready:,} of {len(sources):,} nights were found")


def _dvc(*arguments: str) -> None:
    from dvc.cli import main

    if main([*arguments, "--quiet"]) != 0:
        raise click.ClickException(f"dvc {' '.join(arguments)} failed")


_HOW: dict[str, Callable[[], None]] = {
    FORMAT: lambda: _stage("format", DAYS, {}),
    PLAN: _plan,
    RECORD: lambda: _stage("photometric", NIGHTS, SECTIONS["photometric"] | _AS_FILES),
    MERGE: lambda: _stage("merge", BOTH, SECTIONS["merge"] | _AS_FILES),
    FIRST: lambda: _dvc("repro", STAGES[-1]),
    NOTHING: lambda: _dvc("repro", STAGES[-1]),
    PUSH: lambda: _dvc("push", *STAGES),
    PULL: lambda: _dvc("pull", *STAGES),
}
