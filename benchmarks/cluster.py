"""Compare a Ray cluster with local worker processes: `python -m benchmarks.cluster --help`.

The cluster has two nodes with one processor each on this machine, so two actors are compared with two worker
processes on the same two cores. It runs before the clock starts; everything else counts: joining it, starting
the actors with their translators, all images, and writing the nights to the store and the folder.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.translate import OUTPUT, draw_days, seeded_pair
from pipeline.core.files import write_bytes
from pipeline.core.image_io import encode, read_rgb
from pipeline.night.upkeep.folder import translate_folder
from pipeline.runtime.machine import Engine
from stages.unit_factory import UnitFactory
from tests.ray_cluster import TwoNodes
from unit.network.settings import UnitSettings

_WORKERS = 2
# Rendered views; the other images are these, shifted.
_DRAWN = 8


@click.command()
@click.option("--images", default=320, show_default=True, help="Number of different images of 640x480.")
@click.option("--dim", default=64, show_default=True, help="Width of the network, with random weights.")
@click.option("--shorter-side", default=512, show_default=True, help="Of the network's input, pixels.")
@click.option("--rounds", default=1, show_default=True, help="Rounds of both engines; the best counts.")
def main(images: int, dim: int, shorter_side: int, rounds: int) -> None:
    """Print the seconds of a job with each engine, and their ratio."""
    settings = UnitSettings("day2night", shorter_side, "minmax", "model", "network", "auto")
    seconds: dict[Engine, list[float]] = {"local": [], "ray": []}
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        seeded_pair(base / "drawn.pt", dim)
        days = turned_days(base / "days", images)
        for number in range(rounds):
            for engine, found in seconds.items():
                factory = UnitFactory(base / "drawn.pt", settings, "cpu", _WORKERS)
                found.append(translated(days, base / f"{engine}{number}", factory, engine))
                print(f"{engine}: {images} images in {found[-1]:.1f} s, {images / found[-1]:.3f} per second")
        same = nights(base / "local0") == nights(base / "ray0")
    ratio = min(seconds["ray"]) / min(seconds["local"])
    print(f"ray takes {ratio:.3f} times as long; nights are {'identical' if same else 'DIFFERENT'}")


def turned_days(folder: Path, count: int) -> Path:
    """Write `count` different views of the embedded city; return `folder`."""
    folder.mkdir()
    views = [read_rgb(Path(task.path)) for task in draw_days(folder, min(count, _DRAWN), 640, 480)]
    for number in range(len(views), count):
        view = np.roll(views[number % len(views)], 7 * number, axis=1)
        write_bytes(folder / f"{number}.jpg", encode(view, ".jpg", quality=90))
    return folder


def translated(days: Path, base: Path, factory: UnitFactory, engine: Engine) -> float:
    """Translate the folder, and return the seconds that it took."""
    cluster = TwoNodes() if engine == "ray" else None
    if cluster is not None:
        os.environ["RAY_ADDRESS"] = cluster.address
    start = time.perf_counter()
    translate_folder(days, base / "nights", factory, OUTPUT, base / "store", _WORKERS, 0.0, engine=engine)
    seconds = time.perf_counter() - start
    if cluster is not None:
        cluster.end()
        del os.environ["RAY_ADDRESS"]
    return seconds


def nights(base: Path) -> dict[str, bytes]:
    """The nights below `base`, by name."""
    return {path.name: path.read_bytes() for path in sorted((base / "nights").glob("*.jpg"))}


if __name__ == "__main__":
    main()
