"""Compare exact search with IVF-PQ: time, memory and loss of recall, as a table.

python -m benchmarks.search --help

The descriptors are synthetic: each place is a point in a low-dimensional subspace, as in descriptors of real
networks, and each view is this point plus noise in all dimensions, normalised to unit length.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import click
import numpy as np

from pipeline.vpr.retrieval.descriptor_io import PIECE, read_descriptors, write_descriptors
from pipeline.vpr.retrieval.ivfpq import IvfPq, build_index, search_index
from pipeline.vpr.retrieval.nearest_neighbours import nearest
from pipeline.vpr.retrieval.recall import RECALL_AT

VIEWS = 10  # of each place in the database


@dataclass(frozen=True)
class Views:
    """Descriptors of views of places; `noise` is its deviation in each dimension, that of places is 1."""

    places: int
    length: int
    dimensions: int
    noise: float

    @cached_property
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """The places, (places, dimensions), and the directions of their space, (dimensions, length)."""
        rng = np.random.default_rng(1)
        shapes = (self.places, self.dimensions), (self.dimensions, self.length)
        places, space = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
        return places, space / np.float32(self.dimensions**0.5)

    def of(self, places: np.ndarray, seed: int) -> np.ndarray:
        """One view of each of `places`, (n, length), float32."""
        points, space = self.points
        noise = np.random.default_rng([2, seed]).standard_normal((len(places), self.length), dtype=np.float32)
        found = points[places] @ space + np.float32(self.noise) * noise
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def pieces(self, size: int) -> Iterator[np.ndarray]:
        """`size` views, cycling through the places, in pieces."""
        for start in range(0, size, PIECE):
            yield self.of(np.arange(start, min(size, start + PIECE)) % self.places, seed=1 + start)


@dataclass(frozen=True)
class Result:
    """Seconds to build and to search, MiB in memory without the mapped file, and indexes (Q, N)."""

    build: float
    search: float
    memory: float
    indexes: np.ndarray


def measure(path: Path, size: int, queries: np.ndarray, plan: IvfPq | None) -> Result:
    """Search once, in a separate process, to measure its memory."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_measured, (path, size, queries, plan))


def _measured(path: Path, size: int, queries: np.ndarray, plan: IvfPq | None) -> Result:
    database = read_descriptors(path, size)
    assert database is not None
    before, peak, over = _held(), [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], _held() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.perf_counter()
    if plan is None:
        built = start
        _, indexes = nearest(database, queries, max(RECALL_AT))
    else:
        index = build_index(database, plan)
        built = time.perf_counter()
        _, indexes = search_index(index, plan, database, queries, max(RECALL_AT))
    end = time.perf_counter()
    over.set()
    watcher.join()
    return Result(built - start, end - built, peak[0], indexes)


def _held() -> float:
    """MiB of this process's own memory, without mapped files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


@click.command()
@click.option("--size", default=1_000_000, show_default=True, help="Descriptors of the database.")
@click.option("--length", default=512, show_default=True, help="Dimensions of each.")
@click.option("--dimensions", default=64, show_default=True, help="Dimensions of the subspace of places.")
@click.option("--noise", default=1.7, show_default=True, help="Deviation per dimension; that of places is 1.")
@click.option("--queries", "asked", default=1000, show_default=True)
@click.option("--folder", default=None, help="Folder for the temporary descriptor file.")
def main(size: int, length: int, dimensions: int, noise: float, asked: int, folder: str | None) -> None:
    """Print the table."""
    views = Views(max(1, size // VIEWS), length, dimensions, noise)
    queries = views.of(np.arange(asked) % views.places, seed=0)
    right = np.arange(asked)[:, None] % views.places
    plan = IvfPq.of(size, length)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = Path(place) / "descriptors.npy"
        write_descriptors(path, size, views.pieces(size))
        held = path.stat().st_size / 2**20
        print(
            f"{size:,} descriptors of {length} dimensions ({held:,.0f} MiB), {asked:,} queries; {plan.words}"
        )
        heads = " ".join(f"{f'R@{n}':>6}" for n in RECALL_AT)
        print(f"{'':>8} {'build, s':>9} {'search, s':>9} {'held, MiB':>9} {heads}")
        results = {
            name: measure(path, size, queries, way) for name, way in (("exact", None), ("IVF-PQ", plan))
        }
    recalls = []
    for name, found in results.items():
        hits = found.indexes % views.places == right
        recalls.append([float(hits[:, :n].any(1).mean()) * 100 for n in RECALL_AT])
        times = f"{found.build:9.1f} {found.search:9.1f} {found.memory:9.0f}"
        print(f"{name:>8} {times} " + _row(recalls[-1]))
    exact, other = results["exact"].indexes, results["IVF-PQ"].indexes
    print(f"{'loss':>8} {'':29} " + _row(one - two for one, two in zip(*recalls, strict=True)))
    print(f"{'overlap':>8} {'with the N exact nearest, %':>29} " + _row(_shared(exact, other)))


def _row(values: Iterable[float]) -> str:
    return " ".join(f"{value:6.1f}" for value in values)


def _shared(exact: np.ndarray, other: np.ndarray) -> list[float]:
    """Share of the N exact nearest neighbours that the other search also finds among its N, in per cent."""
    pairs = list(zip(exact, other, strict=True))
    return [100 * float(np.mean([np.isin(one[:n], two[:n]) for one, two in pairs])) for n in RECALL_AT]


if __name__ == "__main__":
    main()
