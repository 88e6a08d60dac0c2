"""Measure the work store: planning, `dvc repro` with one changed image, and memory.

python -m benchmarks.store --images 51840
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.project_copy import ROOT, copy_project, project_environment
from benchmarks.tiny_sets import SIDE, tiny_name, tiny_picture
from pipeline.core.files import digest_bytes, write_bytes
from pipeline.datasets.image_set.image_set import MANIFEST, ImageSet, manifest_bytes
from pipeline.datasets.image_set.licence_terms import Terms, write_terms
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.night.engine.plan import Source, make_plan
from pipeline.night.engine.store import open_store
from pipeline.night.engine.translate_image import Translated
from pipeline.night.records.translator import OutputFormat, Recipe
from stages.unit_factory import UnitFactory
from unit.network.settings import UnitSettings

OUTPUT = OutputFormat(".jpg", 90)
SETTINGS = {
    "direction": "day2night",
    "shorter_side": SIDE,  # as large as the images
    "stretch": "none",
    "size": "source",
    "detail": "network",
    "dtype": "float32",
}
SECTION: dict[str, object] = {
    "day": "many", "checkpoint": "gen_dim8.pt", **SETTINGS,
    "format": "jpg", "quality": OUTPUT.quality, "max_failed": 0.0,
}  # fmt: skip
DAYS, NIGHTS = Path("data/sets/many"), Path("work/nights")
_PLACES = ("train/database", "train/queries", "val/database", "test/database")


def repro(root: Path) -> str:
    """Run `dvc repro`; return its seconds, and its CPU seconds in brackets."""
    start = os.times()
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", "translate@many_night"]
    subprocess.run(command, cwd=root, env=project_environment(root), stdout=subprocess.DEVNULL, check=True)
    end = os.times()
    busy = sum(end[2:4]) - sum(start[2:4])
    return f"{end.elapsed - start.elapsed:.1f} s ({busy:.1f})"


def run_stage(root: Path) -> tuple[float, float]:
    """Run the stage by hand; return its seconds, and its peak memory in KiB (without workers)."""
    section = SECTION | {"name": "many_night", "shards_above": 250_000}
    options = [f"--{name}={value}" for name, value in section.items()]
    command = [sys.executable, "-m", "stages.translate", *options]
    start = time.perf_counter()
    stage = subprocess.Popen(command, cwd=root, env=project_environment(root), stdout=subprocess.DEVNULL)
    peak = 0.0
    while stage.poll() is None:
        # Not the peak RSS of the kernel: mapped libraries are much larger than the plan.
        with contextlib.suppress(OSError, StopIteration):
            lines = Path(f"/proc/{stage.pid}/status").read_text().splitlines()
            now = next(line for line in lines if line.startswith("RssAnon")).split()[1]
            peak = max(peak, float(now))
        time.sleep(0.02)
    if stage.returncode != 0:
        raise click.ClickException("the stage failed")
    return time.perf_counter() - start, peak


def write_days(folder: Path, images: int) -> ImageSet:
    """Write the day set."""
    writer = SetWriter(folder)
    for number in range(images):
        name = f"images/{_PLACES[number % 4]}/{tiny_name(number)}"
        writer.add(name, tiny_picture(number), source=f"000.tar/{number}", width=SIDE, height=SIDE)
    write_terms(writer.root, [Terms("noise", "Images of noise", "MIT")])
    return writer.finish()


def fill_store(root: Path, days: ImageSet) -> Recipe:
    """Store a night for every day, as if translated; the images are the day images."""
    settings = UnitSettings(**SETTINGS)  # type: ignore[arg-type]
    recipe = Recipe.of(UnitFactory(root / "gen_dim8.pt", settings, "cpu", 1)(), OUTPUT)
    with open_store(root / NIGHTS, recipe) as store:
        for row in days.rows:
            store.put(row.digest, Translated(days.read(row), SIDE, SIDE))
    return recipe


def change_one(days: ImageSet, seed: int) -> None:
    """Replace the image of one day."""
    data = tiny_picture(-seed % 2**32)
    middle = len(days.rows) // 2
    write_bytes(days.root / days.rows[middle].name, data)
    rows = list(days.rows)
    rows[middle] = replace(rows[middle], digest=digest_bytes(data), size=len(data))
    write_bytes(days.root / MANIFEST, manifest_bytes(rows))


def seconds_to_plan(root: Path, recipe: Recipe) -> float:
    """Time opening the dataset and the store and planning, with nothing to do."""
    start = time.perf_counter()
    sources = [Source(row.name, row.digest) for row in ImageSet.open(root / DAYS).rows]
    with open_store(root / NIGHTS, recipe) as store:
        plan = make_plan(sources, store, threads=1)
    if plan.ready != len(sources):
        raise click.ClickException(f"{plan.ready:,} of {len(sources):,} nights found")
    return time.perf_counter() - start


@contextlib.contextmanager
def finished_project(images: int) -> Iterator[tuple[Path, ImageSet, Recipe]]:
    """Give a project with a dataset of `images`, whose nights are all in the store."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        copy_project(root, {"translate": {"many_night": SECTION}})
        shutil.copy(ROOT / "tests" / "data" / "unit" / "gen_dim8.pt", root)
        days = write_days(root / DAYS, images)
        yield root, days, fill_store(root, days)


def line(what: str, value: str, goal: str = "") -> None:
    """Print a line of the table."""
    print(f"{what:<66} {value:>14}  {goal}", flush=True)


@click.command()
@click.option("--images", default=51_840, show_default=True, help="Images of the large dataset.")
@click.option("--few", default=2_000, show_default=True, help="Images of the small dataset, for the memory.")
def main(images: int, few: int) -> None:
    """Print seconds and memory for datasets whose nights all exist, and for one changed image.

    In brackets: CPU seconds, which are more reliable on a machine that others use too.
    """
    with finished_project(few) as (root, _, _):
        _, small = run_stage(root)
    with finished_project(images) as (root, days, recipe):
        line(
            f"planning for {images:,} existing nights",
            f"{seconds_to_plan(root, recipe):.1f} s",
            "< 10 s",
        )
        line("first `dvc repro`: link the dataset and DVC's cache to the store", repro(root))
        line("`dvc repro` with nothing to do", repro(root))
        for seed in (1, 2):
            change_one(days, seed)
            line("`dvc repro` with one changed image", repro(root), "< 15 s")
        seconds, large = run_stage(root)
        line("the stage alone, nothing to translate", f"{seconds:.1f} s")
        line(f"peak memory of the stage, {few:,} images", f"{small / 1024:.0f} MiB")
        line(f"peak memory of the stage, {images:,} images", f"{large / 1024:.0f} MiB")
        line("growth per image", f"{(large - small) / (images - few):.2f} KiB")


if __name__ == "__main__":
    main()
