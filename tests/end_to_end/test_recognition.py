"""Recognition on the tiny city: what is trained again, what only evaluated again, and what is left alone."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.files import digest_file
from tests.end_to_end.project import Project, stages_run, street_params

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
    "loss": "triplet",
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
# What follows every evaluation that changed.
REPORTED = ["tables", "report"]
TEST: dict[str, Any] = {
    "model": "day_netvlad",
    "height": 48,
    "width": 64,
    "queries": "hard_resize",
    "multi_scale": "none",
    "radius": 25,
    "ivfpq_above": None,
    "save_descriptors": False,
    "autocast": "off",
    "cpu_threads": 1,
}


@pytest.fixture(scope="module")
def trained(street: Project) -> Project:
    """One run of two models on two test sets. Not to be changed."""
    params = street_params()
    gem = TRAIN | {"dataset": "city_pitts_dn", "aggregation": "gem", "clusters": None, "l2": "before_pool"}
    params["train"] = {"day_netvlad": TRAIN, "dn_gem": gem}
    params["experiment"] = {"day_netvlad": TEST, "dn_gem": TEST | {"model": "dn_gem"}}
    params["test_sets"] = ["city_pitts", "city_tokyo_night"]
    params["comparison"] = {
        "rows": {"II/day/netvlad": "day_netvlad", "II/dn/gem": "dn_gem"},
        "test_sets": {"city_pitts": "pitts30k", "city_tokyo_night": "tokyo_night"},
    }
    params["headline"] = {
        "city": {
            "before": "day_netvlad",
            "after": "dn_gem",
            "night": "city_tokyo_night",
            "day": "city_pitts",
        }
    }
    params["statistics"] = {"city_pitts_dn": {"images": 4}}
    params["augmentations"] = {
        "city_pitts": {
            "dataset": "city_pitts",
            "images": 1,
            "height": 24,
            "changes": {"darker": {"jitter": {"brightness": 0.5, "contrast": 0, "saturation": 0, "hue": 0}}},
        }
    }
    params["sheets"] = {
        "city_pitts_night": {"day": "city_pitts", "per_split": 2, "true_nights": "city/pittsburgh"}
    }
    params["compare"] = {
        "city_pitts": {
            "day": "city_pitts",
            "split": "test",
            "images": 2,
            "checkpoints": "unit/weights",
            "shorter_side": 72,
            "stretch": "none",
            "detail": "source",
            "shorter_sides": {},
            "true_nights": "city/pittsburgh",
        }
    }
    street.set_params(params)
    street.repro()
    return street


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
        *REPORTED,
    ]
    assert metrics(project, "dn_gem", "city_pitts")["radius"] == 40


def test_a_new_test_set_evaluates_only_on_it(project: Project) -> None:
    params = project.params()
    params["test_sets"].append("city_xs")
    project.set_params(params)
    assert project.repro() == ["evaluate@day_netvlad-city_xs", "evaluate@dn_gem-city_xs", *REPORTED]


def test_a_models_settings_leave_the_other_models_alone(project: Project) -> None:
    params = project.params()
    params["train"]["dn_gem"]["seed"] = 1
    project.set_params(params)
    assert project.repro() == [
        "train@dn_gem",
        "experiment@dn_gem",
        "evaluate@dn_gem-city_pitts",
        "evaluate@dn_gem-city_tokyo_night",
        *REPORTED,
    ]


HUBCONF = """
import torch


def means(side):
    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(side), torch.nn.Flatten())
"""


def test_a_model_of_torch_hub_is_evaluated_like_ours(project: Project) -> None:
    repository = project.root.parent / "means"
    repository.mkdir()
    (repository / "hubconf.py").write_text(HUBCONF)
    params = project.params()
    params["hub_local"] = {
        "means": {
            "repository": str(repository),
            "entry": "means",
            "arguments": {"side": 4},
            "trust_repo": False,
        }
    }
    params["experiment"]["means"] = TEST | {"model": "means", "save_descriptors": True}
    project.set_params(params)
    refused = project.dvc("repro", "evaluate@means-city_pitts", check=False)
    assert refused.returncode != 0
    assert "if you trust it, set trust_repo: true" in refused.stdout + refused.stderr
    params["hub_local"]["means"]["trust_repo"] = True
    project.set_params(params)
    run = ["hub_local@means", "experiment@means", "evaluate@means-city_pitts"]
    assert project.repro("evaluate@means-city_pitts") == run
    out = project.root / "results" / "means" / "city_pitts"
    assert metrics(project, "means", "city_pitts")["trained_on"] == f"means(side=4) of {repository}"
    assert np.load(out / "descriptors_database.npy", mmap_mode="r").shape[1] == 3 * 4 * 4
    assert project.repro("evaluate@means-city_pitts") == []
    # DVC sees a change of the repository, and what it leads to.
    (repository / "hubconf.py").write_text(HUBCONF + "# changed\n")
    assert project.repro("evaluate@means-city_pitts") == run


def recall_rows(project: Project) -> list[dict[str, str]]:
    with (project.root / "reports" / "tables" / "recalls.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_tables_and_page_hold_what_was_measured(trained: Project) -> None:
    rows = recall_rows(trained)
    assert len(rows) == 2 * 2 * 4
    for row in rows:
        recall = metrics(trained, row["experiment"], row["test_set"])["recalls"][row["n"]]
        assert (float(row["percent"]), int(row["hits"])) == (recall["percent"], recall["hits"])
    page = (trained.root / "reports" / "index.html").read_text()
    assert "day_netvlad" in page
    assert "14.3 / 26.7" in page
    night = {
        name: metrics(trained, name, "city_tokyo_night")["recalls"]["1"] for name in ("day_netvlad", "dn_gem")
    }
    for recall in night.values():
        assert f"{recall['percent']:.1f}</span>" in page
    # What made the nights, as the record of the set has it.
    checkpoint = digest_file(trained.root / "unit" / "weights" / "city.pt")
    for wanted in (f">{checkpoint}</code>", "one per row: plain; darker", "MIT, as the rest of duskline"):
        assert wanted in page
    samples = trained.root / "reports" / "sheets" / "city_pitts_night"
    assert len(list(samples.glob("*_true_night.jpg"))) == 6
    measured = trained.root / "reports" / "compare" / "city_pitts" / "measures.csv"
    with measured.open(newline="") as stream:
        names = [row["name"] for row in csv.DictReader(stream)]
    assert names == ["day", "literal", "meant", "classical", "city", "true night"]
    assert all(name in page for name in names)
    # Day, our night and true night of each sample are there, and are three images.
    assert len({path.read_bytes() for path in samples.glob("01_*.jpg")}) == 3


def test_the_code_of_the_page_reruns_only_the_page(project: Project) -> None:
    template = project.root / "pipeline" / "report" / "page" / "templates" / "page.html"
    template.write_text(template.read_text().replace("What night images gain", "The gain of night images"))
    module = project.root / "pipeline" / "report" / "page" / "page.py"
    module.write_text(module.read_text() + "# changed\n")
    assert project.repro() == ["report"]
    assert "The gain of night images" in (project.root / "reports" / "index.html").read_text()


def test_another_checkpoint_at_hand_is_compared_and_nothing_else_runs(project: Project) -> None:
    weights = project.root / "unit" / "weights"
    shutil.copy(weights / "city.pt", weights / "again.pt")
    assert project.repro() == ["compare@city_pitts", "report"]
    page = (project.root / "reports" / "index.html").read_text()
    assert '<th scope="row">again</th>' in page


def test_another_profile_leaves_no_stale_row(project: Project) -> None:
    params = project.params()
    params["experiment"] = {"gem_small": TEST | {"model": "dn_gem", "height": 32, "width": 48}}
    params["test_sets"] = ["city_xs", "city_tokyo_night"]
    params["comparison"] = {
        "rows": {"II/dn/gem": "gem_small"},
        "test_sets": {"city_tokyo_night": "tokyo_night"},
    }
    params["sheets"] = params["compare"] = params["headline"] = {}
    params["statistics"] = params["augmentations"] = {}
    project.set_params(params)
    project.repro()
    assert (project.root / "results" / "day_netvlad" / "city_pitts" / "metrics.json").exists()
    assert {(row["experiment"], row["test_set"]) for row in recall_rows(project)} == {
        ("gem_small", "city_xs"),
        ("gem_small", "city_tokyo_night"),
    }
    for name in ("reports/tables/recalls.csv", "reports/tables/paper.csv", "reports/tables/tables.md"):
        text = (project.root / name).read_text()
        assert "city_pitts" not in text
        assert "day_netvlad" not in text
    page = (project.root / "reports" / "index.html").read_text()
    # The parameters, which stand last, name the sets and models that are there to be tested.
    shown, parameters, _ = page.partition("params.yaml of this run")
    assert parameters
    assert "day_netvlad" not in shown
    assert "city_pitts" not in shown


def test_an_unknown_row_of_the_paper_is_named(project: Project) -> None:
    params = project.params()
    params["comparison"]["rows"]["VI/day/netvlad"] = "day_netvlad"
    project.set_params(params)
    done = project.dvc("repro", "tables", check=False)
    assert done.returncode != 0
    assert "no such rows of the paper: VI/day/netvlad" in done.stdout + done.stderr


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
    while not list((project.root / "work" / "train").glob("*/state_*.pt")):
        assert time.monotonic() < deadline, "no state was saved"
        assert dvc.poll() is None, "training ended before it could be killed"
        time.sleep(0.02)
    os.killpg(dvc.pid, signal.SIGKILL)
    dvc.wait()
    assert not model.exists()
    output = project.dvc(*repro).stdout
    assert "12 epochs," in output
    assert "12 in this run" not in output, "it began again"
    assert model.read_bytes() == whole
