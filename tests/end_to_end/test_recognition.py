"""Recognition on the tiny city: what is trained again, what only evaluated again, and what is left alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.project import Project, copy_project, stages_run, tiny_params

pytestmark = pytest.mark.slow

TRAIN: dict[str, Any] = {
    "dataset": "city_pitts",
    "backbone": "resnet18conv4",
    "weights": "none",
    "trainable": "all",
    "aggregation": "netvlad",
    "clusters": 4,
    "height": 48,
    "width": 64,
    "lr": 1e-4,
    "margin": 0.1,
    "batch": 2,
    "negatives": 2,
    "mining": "partial",
    "queries_per_epoch": 8,
    "queries_per_cache": 4,
    "negative_samples": 12,
    "hard_positives": 10,
    "soft_positives": 25,
    "epochs": 2,
    "patience": 2,
    "autocast": "off",
    "cpu_threads": 1,
    "seed": 0,
}
TEST: dict[str, Any] = {
    "model": "day_netvlad",
    "height": 48,
    "width": 64,
    "radius": 25,
    "autocast": "off",
    "cpu_threads": 1,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One run of two models on two test sets. Not to be changed."""
    project = copy_project(tmp_path_factory.mktemp("trained") / "project")
    params = tiny_params()
    # A street long enough for negatives, beyond 25 m.
    params["fetch"]["city"] |= {"train_places": 8, "val_places": 2}
    gem = TRAIN | {"dataset": "city_pitts_dn", "aggregation": "gem", "clusters": None, "l2": "before_pool"}
    params["train"] = {"day_netvlad": TRAIN, "dn_gem": gem}
    params["experiment"] = {"day_netvlad": TEST, "dn_gem": TEST | {"model": "dn_gem"}}
    params["test_sets"] = ["city_pitts", "city_tokyo_night"]
    project.set_params(params)
    project.dvc("repro")
    return project


@pytest.fixture
def project(trained: Project, tmp_path: Path) -> Project:
    root = tmp_path / "project"
    shutil.copytree(trained.root, root)
    return Project(root)


def metrics(project: Project, experiment: str, test_set: str) -> dict[str, Any]:
    path = project.root / "results" / experiment / test_set / "metrics.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def test_every_experiment_is_evaluated_on_every_test_set(trained: Project) -> None:
    for experiment in ("day_netvlad", "dn_gem"):
        for test_set in ("city_pitts", "city_tokyo_night"):
            found = metrics(trained, experiment, test_set)
            assert (found["experiment"], found["test_set"]) == (experiment, test_set)
            assert 0 <= found["recalls"]["1"]["hits"] <= found["queries"]
    assert stages_run(trained.dvc("repro").stdout) == []


def test_test_time_settings_retrain_nothing(project: Project) -> None:
    params = project.params()
    params["experiment"]["dn_gem"]["radius"] = 40
    project.set_params(params)
    assert project.repro() == [
        "experiment@dn_gem",
        "evaluate@dn_gem-city_pitts",
        "evaluate@dn_gem-city_tokyo_night",
    ]
    assert metrics(project, "dn_gem", "city_pitts")["radius"] == 40


def test_a_new_test_set_evaluates_only_on_it(project: Project) -> None:
    params = project.params()
    params["test_sets"].append("city_xs")
    project.set_params(params)
    assert project.repro() == ["evaluate@day_netvlad-city_xs", "evaluate@dn_gem-city_xs"]


def test_a_models_settings_leave_the_other_models_alone(project: Project) -> None:
    params = project.params()
    params["train"]["dn_gem"]["seed"] = 1
    project.set_params(params)
    assert project.repro() == [
        "train@dn_gem",
        "experiment@dn_gem",
        "evaluate@dn_gem-city_pitts",
        "evaluate@dn_gem-city_tokyo_night",
    ]


def test_killed_training_goes_on_to_the_same_weights(project: Project) -> None:
    params = project.params()
    # Long enough to be killed between two saved states; on the way, each epoch saves one.
    params["train"]["day_netvlad"] |= {"epochs": 12, "patience": 12}
    project.set_params(params)
    project.dvc("repro", "train@day_netvlad")
    model = project.root / "models" / "vpr" / "day_netvlad" / "model.pt"
    whole = model.read_bytes()
    repro = ["repro", "--force", "--single-item", "--no-run-cache", "train@day_netvlad"]
    dvc = subprocess.Popen(
        [sys.executable, "-m", "dvc", *repro],
        cwd=project.root,
        env=project.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list((project.root / "work" / "train").glob("*/state.pt")):
        assert time.monotonic() < deadline, "no state was saved"
        assert dvc.poll() is None, "training ended before it could be killed"
        time.sleep(0.02)
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.wait()
    assert not model.exists()
    output = project.dvc(*repro).stdout
    assert "12 epochs," in output
    assert "12 of them now" not in output, "it began again"
    assert model.read_bytes() == whole
