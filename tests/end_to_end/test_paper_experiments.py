"""One experiment of each kind of the paper, trained and evaluated on the tiny city as the profile asks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.end_to_end.project import Project, street_params
from tests.import_graph import ROOT

pytestmark = pytest.mark.slow

# Of each technique one model, NetVLAD and GeM in turn, and what its results must say of it.
KINDS = {
    "day_netvlad": "queries as they are",
    "smart_gem": "queries with night (threshold 0.25, form literal, brightness 0.55)",
    "dn_netvlad": "queries as they are",
    "occlusion_gem": "queries with occlusion",
    "crop_occlusion_netvlad": "crop 0.625), occlusion",
    "addition_gem": "descriptors of alexnet and resnet18conv4 added;",
    "division_netvlad": "added and halved",
    "concatenation_gem": "multi-scale by concatenation",
    "average_netvlad": "multi-scale by average",
}
TINY_TRAIN = {"height": 64, "width": 80, "clusters": 4, "negatives": 2, "batch": 2, "cpu_threads": 1}
SHORT = {"queries_per_epoch": 4, "queries_per_cache": 4, "negative_samples": 12, "epochs": 1}


def tiny_experiments() -> dict[str, Any]:
    """The profile of all experiments, of which those in KINDS are left, on the tiny city."""
    params: dict[str, Any] = yaml.safe_load((ROOT / "profiles" / "city_experiments.yaml").read_text())
    experiments = {name: params["experiment"][name] for name in KINDS}
    models = {name: params["train"][name] for name in {section["model"] for section in experiments.values()}}
    for section in models.values():
        gem = section["aggregation"] == "gem"
        section |= TINY_TRAIN | SHORT | ({"clusters": None} if gem else {}) | {"lr": 1e-4}
    for section in experiments.values():
        section |= {"height": 64, "width": 80, "cpu_threads": 1}
    rows = {row: name for row, name in params["comparison"]["rows"].items() if name in experiments}
    return street_params() | {
        "train": models,
        "experiment": experiments,
        "test_sets": ["city_tokyo_night"],
        "comparison": {"rows": rows, "test_sets": {"city_tokyo_night": "tokyo_night"}},
    }


@pytest.fixture(scope="module")
def measured(street: Project) -> Project:
    street.set_params(tiny_experiments())
    street.repro()
    return street


def metrics(project: Project, experiment: str) -> dict[str, Any]:
    path = project.root / "results" / experiment / "city_tokyo_night" / "metrics.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize("experiment", KINDS)
def test_every_kind_is_measured_and_its_results_say_what_it_is(measured: Project, experiment: str) -> None:
    found = metrics(measured, experiment)
    assert found["queries"] == 2
    assert KINDS[experiment] in f"{found['learnt_from']}; {found['protocol']}"


def test_the_tables_lay_them_beside_the_paper_and_mark_what_has_not_run(measured: Project) -> None:
    text = "".join(
        path.read_text() for path in sorted(Path(measured.root / "reports" / "tables").glob("*.md"))
    )
    for name in KINDS:
        assert name in text
    assert "not run" in text
