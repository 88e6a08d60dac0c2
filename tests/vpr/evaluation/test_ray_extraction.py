"""Experiments evaluated by a real Ray cluster of two nodes: as on this machine, whoever is lost meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.core.files import write_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import DusklineError, ParameterError
from pipeline.runtime.machine import Engine
from pipeline.vpr.evaluation import ray_extraction
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.evaluation.ray_extraction import Subject
from pipeline.vpr.experiments.experiment import MODEL, Experiment, write_experiment
from pipeline.vpr.inputs.split_images import split_images
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, save_model
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction
from tests.import_graph import ROOT
from tests.ray_cluster import TwoNodes, two_nodes
from tests.vpr.places import write_places
from tests.waiting import later, wait_until

# With 160 images in each role: five pieces of one batch.
PLACES, VIEWS = 32, 5
EXPERIMENT = Experiment("gem", 64, 64, "hard_resize", "none", 25.0, None, True, "off", 1)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes() -> Iterator[TwoNodes]:
    with two_nodes() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "city", PLACES, VIEWS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    record = {"dataset_digest": "abc", "learnt_from": "queries as they are"}
    save_model(folder / MODEL, build_network(settings), settings, record)
    return folder


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_extraction, "PIECE", BATCH)


def experiment_in(base: Path, model: Path, **changes: Any) -> Path:
    write_experiment(base / "gem", replace(EXPERIMENT, **changes), model)
    return base / "gem"


def run(base: Path, places: ImageSet, engine: Engine, name: str = "") -> dict[str, bytes]:
    """Evaluate the experiment in `base` and return every byte that was written."""
    work = base / (name or engine)
    evaluate(base / "gem", places, work / "out", work / "store", device="cpu", workers=1, engine=engine)
    return {
        path.relative_to(work / "out").as_posix(): path.read_bytes()
        for path in sorted((work / "out").rglob("*"))
        if path.is_file()
    }


def pieces_in(base: Path) -> set[str]:
    """Pieces that wait whole."""
    found = (base / "ray" / "store").glob("*.pieces/*/*.npy")
    return {f"{path.parent.name}/{path.name}" for path in found if not path.name.startswith(".")}


def test_shards_are_described_like_files_and_each_piece_takes_its_part_of_the_index(
    nodes: TwoNodes, places: ImageSet, model: Path, tmp_path: Path
) -> None:
    with replaced_set(tmp_path / places.root.name, 0) as writer:
        for row in places.rows:
            writer.take(row, places)
    sharded = ImageSet.open(tmp_path / places.root.name)
    assert sharded.index is not None
    experiment_in(tmp_path, model)
    assert run(tmp_path, sharded, "ray") == run(tmp_path, places, "local")
    part = ray_extraction._part(split_images(sharded, "test", "database", 64, 64), BATCH, BATCH)
    assert part.images.index == {row.name: sharded.index[row.name] for row in part.rows}
    assert len(part.rows) == BATCH


@pytest.mark.parametrize("queries", ["hard_resize", "single_query", "five_crops", "nearest_crop"])
def test_results_and_descriptors_are_those_of_this_machine_to_the_byte(
    nodes: TwoNodes, places: ImageSet, model: Path, tmp_path: Path, queries: str
) -> None:
    experiment_in(tmp_path, model, queries=queries)
    wanted = run(tmp_path, places, "local")
    assert run(tmp_path, places, "ray") == wanted
    assert {"descriptors_database.npy", "descriptors_queries.npy", "metrics.json"} <= set(wanted)
    wait_until(lambda: nodes.actors() == [], "the actors were gone")
    # Nothing waits any more, and either engine finds what the other has described.
    assert [path.suffix for path in sorted((tmp_path / "ray" / "store").iterdir())] == [".lock", ".npy"]
    stored = [next((tmp_path / engine / "store").glob("*.npy")) for engine in ("local", "ray")]
    assert stored[0].name == stored[1].name
    assert stored[0].read_bytes() == stored[1].read_bytes()


def test_as_many_threads_as_the_settings_say_even_on_smaller_nodes(
    nodes: TwoNodes, places: ImageSet, model: Path, tmp_path: Path
) -> None:
    experiment_in(tmp_path, model, cpu_threads=2)
    assert run(tmp_path, places, "ray") == run(tmp_path, places, "local")


@pytest.mark.parametrize("lost", ["actor", "node"])
def test_what_is_lost_is_described_by_others(
    places: ImageSet, model: Path, tmp_path: Path, lost: str
) -> None:
    experiment_in(tmp_path, model, height=224, width=224)
    wanted = run(tmp_path, places, "local")
    seen: list[int] = []
    with two_nodes() as cluster:

        def lose() -> None:
            seen.extend(cluster.actors())
            if lost == "actor":
                os.kill(seen[0], signal.SIGKILL)
            else:
                cluster.lose_node()

        loser = later(lambda: len(pieces_in(tmp_path)) >= 2 and len(cluster.actors()) == 2, lose)
        found = run(tmp_path, places, "ray")
        loser.join()
    assert len(seen) == 2
    assert found == wanted


SCRIPT = """
import sys
from pathlib import Path
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.evaluation import ray_extraction
from tests.vpr.evaluation.test_ray_extraction import BATCH, run

ray_extraction.PIECE = BATCH
run(Path(sys.argv[1]), ImageSet.open(Path(sys.argv[2])), "ray")
"""


def test_after_its_driver_was_killed_the_next_run_describes_nothing_twice(
    nodes: TwoNodes, places: ImageSet, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment_in(tmp_path, model, height=224, width=224)
    driver = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), str(places.root)], cwd=ROOT)
    wait_until(lambda: len(pieces_in(tmp_path)) >= 2 or driver.poll() is not None, "some were described")
    assert driver.poll() is None
    driver.kill()
    assert driver.wait(30) == -signal.SIGKILL
    wait_until(lambda: nodes.actors() == [], "the actors were gone")
    kept = pieces_in(tmp_path)
    assert len(kept) >= 2
    made: set[str] = set()
    described = ray_extraction._LateActors.run

    def noting(actors: Any, pieces: Sequence[Any]) -> Iterator[Any]:
        made.update(f"{piece.file.parent.name}/{piece.file.name}" for piece in pieces)
        return described(actors, pieces)

    monkeypatch.setattr(ray_extraction._LateActors, "run", noting)
    found = run(tmp_path, places, "ray")
    assert made.isdisjoint(kept)
    # Five of the database and five of the queries.
    assert len(made | kept) == 10
    assert found == run(tmp_path, places, "local")


def test_what_is_described_already_needs_no_cluster(
    places: ImageSet, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(EXPERIMENT, height=48)
    write_experiment(tmp_path / "gem", settings, model)
    database = split_images(places, "test", "database", 48, 64)
    here = Extraction(torch.device("cpu"), 1)
    subject = Subject(tmp_path / "gem", settings, "digest")
    with ray_extraction.ray_extraction(here, subject, tmp_path / "a.pieces") as extraction:
        network = build_network(NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool"))
        wanted = here.descriptors(network, database)
        folder = tmp_path / "a.pieces" / extraction._key(database, BATCH, None)
        for first in range(0, len(database), BATCH):
            file = folder / f"{first}_{BATCH}.npy"
            ray_extraction.write_descriptors(file, BATCH, [wanted[first : first + BATCH]])
        monkeypatch.setitem(sys.modules, "ray", None)
        assert (extraction.descriptors(database) == wanted).all()
        write_bytes(folder / f"0_{BATCH}.npy", b"half")
        # One that is not whole is asked for again.
        with pytest.raises(ParameterError, match="the engine is ray, which cannot be imported here"):
            extraction.descriptors(database)
    assert not (tmp_path / "a.pieces").exists()


def test_a_node_that_finds_another_model_is_refused(
    nodes: TwoNodes, places: ImageSet, model: Path, tmp_path: Path
) -> None:
    experiment_in(tmp_path, model)
    subject = Subject(tmp_path / "gem", EXPERIMENT, "another digest")
    here = Extraction(torch.device("cpu"), 1)
    with (
        pytest.raises(DusklineError, match="a node has another model"),
        ray_extraction.ray_extraction(here, subject, tmp_path / "pieces") as extraction,
    ):
        extraction.descriptors(split_images(places, "test", "queries", 64, 64))
