from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.compute.device.precision import numbers_of, numeric_path
from pipeline.core.files import digest_file
from pipeline.core.image_io import read_rgb
from pipeline.core.params import build
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.runtime.errors import MissingInputError, ParameterError, SetError
from pipeline.vpr.evaluation import model_loading, place_search, ray_extraction
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.evaluation.place_search import DATABASE_DESCRIPTORS, QUERY_DESCRIPTORS
from pipeline.vpr.evaluation.query_preprocessing import PreprocessedQueries
from pipeline.vpr.evaluation.ray_extraction import Subject
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.inputs.split_images import SplitImages, split_images
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, load_model, save_model
from pipeline.vpr.results.ground_truth import read_nearest, read_standpoints
from pipeline.vpr.results.metrics import METRICS
from pipeline.vpr.results.predictions import PREDICTIONS, read_predictions
from pipeline.vpr.results.query_results import examples_first, query_results
from pipeline.vpr.results.thumbnails import COPIES, Thumbnails
from pipeline.vpr.retrieval.ivfpq import IvfPq
from pipeline.vpr.retrieval.recall import Recalls
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from tests.compute.resources.noted import NotedWork
from tests.vpr.places import write_places

EXPERIMENT = Experiment("day_gem", 48, 48, "hard_resize", "none", 25.0, None, False, "off", 1)
PLACES, VIEWS = 6, 2

RECORD = {"dataset_digest": "abc", "learnt_from": "queries as they are"}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "city", PLACES, VIEWS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model")
    save_model(folder / "model.pt", build_network(settings), settings, RECORD)
    return folder


@pytest.fixture
def experiment(model: Path, tmp_path: Path) -> Path:
    write_experiment(tmp_path / "day_gem_small", EXPERIMENT, model)
    return tmp_path / "day_gem_small"


def changed(experiment: Path, **changes: Any) -> Path:
    """The same experiment with other settings, in a folder beside it."""
    settings = replace(EXPERIMENT, **changes)
    folder = experiment.parent / "_".join(map(str, changes.values()))
    write_experiment(folder / experiment.name, settings, experiment)
    return folder / experiment.name


def run_on(experiment: Path, images: ImageSet, folder: Path, *, workers: int = 1) -> Recalls:
    return evaluate(experiment, images, folder / "out", folder / "store", device="cpu", workers=workers)


def protocol(folder: Path) -> str:
    text: str = json.loads((folder / "out" / METRICS).read_text())["protocol"]
    return text


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_metrics_and_predictions_agree(experiment: Path, places: ImageSet, tmp_path: Path) -> None:
    recalls = run_on(experiment, places, tmp_path, workers=2)
    metrics = json.loads((tmp_path / "out" / METRICS).read_text())
    found = list(read_predictions(tmp_path / "out" / PREDICTIONS))
    queries = PLACES * VIEWS
    # The database has 12 images, fewer than the 20 that are asked for.
    assert len(found) == queries * PLACES * VIEWS
    first = [row for row in found if row.rank == 1]
    assert metrics["recalls"]["1"]["hits"] == sum(row.correct for row in first) == recalls.hits[1]
    assert metrics["recalls"]["20"]["percent"] == 100.0
    assert all(row.correct == (row.distance <= 25) for row in found)
    assert (metrics["experiment"], metrics["test_set"]) == ("day_gem_small", "city")
    assert (metrics["queries"], metrics["database"]) == (queries, PLACES * VIEWS)
    assert metrics["set_digest"] == places.digest
    assert metrics["queries_without_positives"] == 0
    low, high = metrics["recalls"]["1"]["low"], metrics["recalls"]["1"]["high"]
    assert low <= metrics["recalls"]["1"]["percent"] <= high
    # 2 of 12 images are right for each query.
    assert metrics["recalls"]["1"]["chance"] == pytest.approx(100 * 2 / 12, abs=1e-3)
    assert metrics["recalls"]["5"]["chance"] == pytest.approx(100 * (1 - 7 * 6 / (12 * 11)), abs=1e-3)


def test_the_ground_and_small_copies_are_of_the_same_test_set(
    experiment: Path, places: ImageSet, tmp_path: Path
) -> None:
    run_on(experiment, places, tmp_path)
    out = tmp_path / "out"
    # Two views of each of six places, a metre apart.
    standpoints = read_standpoints(out)
    assert (len(standpoints), standpoints[:, 2].sum()) == (PLACES * VIEWS, PLACES * VIEWS)
    database, queries = (places.where("test", role) for role in ("database", "queries"))
    nearest = read_nearest(out)
    assert [(name, one.database, one.distance) for name, one in nearest.items()] == [
        (query.name, row.name, 0.0) for query, row in zip(queries, database, strict=True)
    ]
    answers = query_results(read_predictions(out / PREDICTIONS))
    copies = Thumbnails(out / COPIES)
    assert next(iter(copies.copies)) == examples_first(answers)[0].query
    assert set(copies.copies) == {row.name for row in (*database, *queries)}
    for row in (database[3], queries[5]):
        small = read_rgb(copies.read(row.name)).astype(int)
        assert np.abs(small - read_rgb(places.read(row)).astype(int)).mean() < 10


def test_the_number_of_workers_changes_no_byte(experiment: Path, places: ImageSet, tmp_path: Path) -> None:
    for workers in (1, 4):
        run_on(experiment, places, tmp_path / str(workers), workers=workers)
    assert contents(tmp_path / "1" / "out") == contents(tmp_path / "4" / "out")


def test_a_set_without_test_queries_is_refused(experiment: Path, tmp_path: Path, places: ImageSet) -> None:
    only = replace(places, rows=places.where("train"))
    with pytest.raises(SetError, match="has no images in test/database"):
        run_on(experiment, only, tmp_path)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such model: .*model\.pt") as caught:
        write_experiment(tmp_path / "e", EXPERIMENT, tmp_path / "none")
    assert "dvc repro experiment@e" in caught.value.hint


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"radius": -1.0}, r"radius must be above 0 \(metres\), not"),
        ({"ivfpq_above": 9_999}, r"ivfpq_above must be at least 10,000 \(descriptors\)"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        build(Experiment, EXPERIMENT.__dict__ | change, "experiment.x")


def with_queries(places: ImageSet, root: Path, keep: str) -> ImageSet:
    """The whole database and the queries whose name ends in `keep`, as `select` makes a set."""
    writer = SetWriter(root)
    for row in places.rows:
        if row.role == "database" or row.name.endswith(keep):
            writer.add(row.name, places.read(row), source=row.source, width=row.width, height=row.height)
    return writer.finish()


def read_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the images that are read for the network from here on."""
    seen: list[str] = []
    real = SplitImages.read

    def watching(self: SplitImages, index: int) -> torch.Tensor:
        seen.append(self.rows[index].name)
        return real(self, index)

    monkeypatch.setattr(SplitImages, "read", watching)
    return seen


def test_a_set_that_shares_its_database_has_it_described_once(
    experiment: Path, places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = with_queries(places, tmp_path / "some", "@1@.jpg")
    run_on(experiment, some, tmp_path / "alone")
    run_on(experiment, places, tmp_path / "first")
    (tmp_path / "first" / "store").rename(tmp_path / "store")
    seen = read_names(monkeypatch)
    evaluate(experiment, some, tmp_path / "out", tmp_path / "store", device="cpu", workers=1)
    assert sorted(seen) == [row.name for row in some.where("test", "queries")]
    # With and without the store the same bytes.
    assert contents(tmp_path / "out") == contents(tmp_path / "alone" / "out")


@pytest.mark.parametrize(
    "changes", [{"height": 56}, {"multi_scale": "average"}, {"autocast": "bfloat16"}, {"cpu_threads": 2}]
)
def test_other_settings_or_pictures_describe_the_database_again(
    experiment: Path,
    places: ImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
) -> None:
    run_on(experiment, places, tmp_path)
    seen = read_names(monkeypatch)
    run_on(changed(experiment, **changes), places, tmp_path)
    database = {row.name for row in places.where("test", "database")}
    assert database <= set(seen)


def test_queries_and_radius_leave_the_databases_descriptors_alone(
    experiment: Path, places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_on(experiment, places, tmp_path)
    seen = read_names(monkeypatch)
    run_on(changed(experiment, queries="five_crops", radius=30.0), places, tmp_path)
    assert seen == []  # treated queries are read by themselves


def test_another_code_describes_the_database_again(
    experiment: Path, places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_on(experiment, places, tmp_path)
    monkeypatch.setattr(place_search, "describing_digest", lambda: "other")
    seen = read_names(monkeypatch)
    run_on(experiment, places, tmp_path)
    assert {row.name for row in places.where("test", "database")} <= set(seen)


def test_descriptors_are_kept_on_request_and_nothing_else_changes(
    experiment: Path, places: ImageSet, tmp_path: Path
) -> None:
    run_on(experiment, places, tmp_path / "without")
    run_on(changed(experiment, save_descriptors=True), places, tmp_path / "with")
    kept = contents(tmp_path / "with" / "out")
    names = (DATABASE_DESCRIPTORS, QUERY_DESCRIPTORS)
    assert {name: data for name, data in kept.items() if name not in names} == contents(
        tmp_path / "without" / "out"
    )
    database, queries = (np.load(tmp_path / "with" / "out" / name, mmap_mode="r") for name in names)
    assert database.dtype == queries.dtype == np.float32
    assert database.shape == queries.shape == (PLACES * VIEWS, 256)
    found = list(read_predictions(tmp_path / "with" / "out" / PREDICTIONS))
    squared = np.square(database[:, None] - queries[None]).sum(2)
    assert found[0].feature_distance == pytest.approx(float(squared[:, 0].min()), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "images resized to 48x48; exact L2 search; right within 25 m"),
        ({"queries": "single_query"}, "48x48; queries resized with their aspect, one at a time; exact"),
        ({"queries": "central_crop"}, "48x48; queries cut to their centre; exact"),
        ({"queries": "five_crops"}, "48x48; queries as five crops, descriptors averaged; exact"),
        ({"queries": "nearest_crop"}, "48x48; queries as five crops, the nearest find of any; exact"),
        ({"queries": "majority_voting"}, "48x48; queries as five crops, finds by majority voting; exact"),
        ({"multi_scale": "concatenation"}, "48x48; multi-scale by concatenation; exact"),
        ({"multi_scale": "average"}, "48x48; multi-scale by average; exact"),
    ],
)
def test_every_form_of_testing_finds_places_and_is_named(
    experiment: Path, places: ImageSet, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    recalls = run_on(changed(experiment, **changes), places, tmp_path)
    assert words in protocol(tmp_path)
    # The images are squares, so that crops and resized ones show all of a place; 2 of 12 are right.
    assert recalls.percent(1) > 60


def test_treated_queries_are_described_as_they_are_treated(
    experiment: Path, places: ImageSet, tmp_path: Path
) -> None:
    for queries in ("five_crops", "nearest_crop"):
        again = changed(experiment, queries=queries, save_descriptors=True, width=40)
        run_on(again, places, tmp_path / queries)
    one, apart = (
        np.load(tmp_path / queries / "out" / QUERY_DESCRIPTORS) for queries in ("five_crops", "nearest_crop")
    )
    assert apart.shape == (PLACES * VIEWS, 5, 256)
    assert np.allclose(apart.mean(1), one, atol=1e-6)
    network = load_model(experiment / "model.pt")[0].eval()
    treated = PreprocessedQueries(split_images(places, "test", "queries", 48, 40), "five_crops")
    with torch.inference_mode():
        wanted = network(treated.read(3).unflatten(0, (5, 3)))
    assert np.allclose(apart[3], wanted.numpy(), atol=1e-5)


def test_an_index_is_named_and_an_ensemble_too(
    places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = NetworkSettings(
        "alexnet", "none", "all", "gem", l2="none", ensemble="division", second_backbone="resnet18conv4"
    )
    save_model(tmp_path / "m" / "model.pt", build_network(settings), settings, RECORD)
    write_experiment(tmp_path / "e", EXPERIMENT, tmp_path / "m")
    plans: list[IvfPq | None] = []
    real = place_search.nearest

    def watching(database: np.ndarray, queries: np.ndarray, count: int, plan: IvfPq | None) -> Any:
        plans.append(plan)
        return real(database, queries, count)

    monkeypatch.setattr(place_search, "search_plan", lambda *_: IvfPq(256, 16, 4))
    monkeypatch.setattr(place_search, "nearest", watching)
    run_on(tmp_path / "e", places, tmp_path)
    assert plans == [IvfPq(256, 16, 4)]
    assert (
        "; descriptors of alexnet and resnet18conv4 added and halved; IVF-PQ search (256 lists"
        in protocol(tmp_path)
    )


def test_auto_is_the_arithmetic_that_it_resolves_to(
    experiment: Path, places: ImageSet, tmp_path: Path
) -> None:
    named = numbers_of(torch.device("cpu"), "auto")
    for autocast in ("auto", named):
        run_on(changed(experiment, autocast=autocast), places, tmp_path / autocast)
    found, wanted = (contents(tmp_path / autocast / "out") for autocast in ("auto", named))
    assert found == wanted
    path = json.loads(found[METRICS])["numeric_path"]
    assert path == numeric_path(torch.device("cpu"), named, EXPERIMENT.cpu_threads)


def test_descriptors_that_are_found_are_told_from_work(
    experiment: Path, places: ImageSet, tmp_path: Path
) -> None:
    database, queries = (len(split_images(places, "test", role, 48, 48)) for role in ("database", "queries"))
    with NotedWork() as first:
        run_on(experiment, places, tmp_path)
        assert first.work == (database + queries, database + queries)
    with NotedWork() as second:
        run_on(experiment, places, tmp_path)
        assert second.work == (database + queries, queries)


def test_with_a_cluster_only_its_actors_load_the_network(
    experiment: Path, places: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_on(experiment, places, tmp_path / "local")
    subject = Subject(experiment, EXPERIMENT, digest_file(experiment / "model.pt"))
    an_actor = ray_extraction._Description(Extraction(torch.device("cpu"), 1), subject)

    def described(_actors: Any, pieces: Sequence[Any]) -> Iterator[Any]:
        for piece in pieces:
            an_actor(piece)
            yield piece

    def on_the_head(*_: object) -> None:
        raise AssertionError("the head has loaded the network")

    monkeypatch.setattr(ray_extraction._LateActors, "run", described)
    monkeypatch.setattr(model_loading, "load_model", on_the_head)
    out, store = tmp_path / "ray" / "out", tmp_path / "ray" / "store"
    evaluate(experiment, places, out, store, device="cpu", workers=1, engine="ray")
    assert contents(out) == contents(tmp_path / "local" / "out")
