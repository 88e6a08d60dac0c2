from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.core.errors import MissingInputError, ParameterError, SetError
from pipeline.core.params import build
from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.evaluation import PREDICTIONS, evaluate
from pipeline.vpr.experiment import Experiment, read_experiment, write_experiment
from pipeline.vpr.metrics import METRICS
from pipeline.vpr.network import NetworkSettings, build_network, save_model
from pipeline.vpr.predictions import read_predictions
from tests.vpr.places import write_places

EXPERIMENT = Experiment("day_gem", 48, 48, 25.0, "off", 1)
PLACES, VIEWS = 6, 2


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_places(tmp_path_factory.mktemp("places") / "city", PLACES, VIEWS)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool")
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_model(path, build_network(settings), settings, {"dataset_digest": "abc"})
    return path


@pytest.fixture
def experiment(model: Path, tmp_path: Path) -> Path:
    write_experiment(tmp_path / "day_gem_small", EXPERIMENT, model)
    return tmp_path / "day_gem_small"


def test_metrics_and_predictions_agree(experiment: Path, places: ImageSet, tmp_path: Path) -> None:
    recalls = evaluate(experiment, places, tmp_path / "out", device="cpu", workers=2)
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


def test_the_number_of_workers_changes_no_byte(experiment: Path, places: ImageSet, tmp_path: Path) -> None:
    for workers in (1, 4):
        evaluate(experiment, places, tmp_path / str(workers), device="cpu", workers=workers)
    for name in (METRICS, PREDICTIONS):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "4" / name).read_bytes()


def test_a_set_without_test_queries_is_refused(experiment: Path, tmp_path: Path, places: ImageSet) -> None:
    only = replace(places, rows=places.where("train"))
    with pytest.raises(SetError, match="has no images in test/database"):
        evaluate(experiment, only, tmp_path / "out", device="cpu", workers=1)


def test_an_experiment_is_read_as_it_was_written(experiment: Path) -> None:
    assert read_experiment(experiment) == EXPERIMENT


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no such model: .*model\.pt"):
        write_experiment(tmp_path / "e", EXPERIMENT, tmp_path / "model.pt")


def test_an_impossible_radius_is_refused() -> None:
    values = EXPERIMENT.__dict__ | {"radius": -1.0}
    with pytest.raises(ParameterError, match="radius must be positive"):
        build(Experiment, values, "experiment.x")
