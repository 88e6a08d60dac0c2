"""`dvc exp run` with other parameters from the queue, as docs/experiments.md tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.end_to_end.project import Project, street_params
from tests.end_to_end.test_recognition import TEST, TRAIN

pytestmark = pytest.mark.slow


def committed(project: Project) -> None:
    """Commit everything, as `dvc exp` needs it."""
    author = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")
    project.run("git", "add", "-A")
    project.run("git", *author, "commit", "-q", "-m", "State")


def shown(project: Project) -> dict[str, dict[str, Any]]:
    """The experiments by their names, each with its params and recalls, as `dvc exp show` knows them."""
    found = {}
    for branch in json.loads(project.dvc("exp", "show", "--json").stdout):
        for experiment in branch["experiments"] or []:
            revision = experiment["revs"][0]
            data = revision["data"]
            found[revision["name"]] = {
                "start_share": data["params"]["params.yaml"]["data"]["train"]["dn_netvlad"]["start_share"],
                "metrics": data["metrics"],
            }
    return found


def test_a_sweep_of_the_share_of_the_start(street: Project) -> None:
    project, params = street, street_params()
    night = TRAIN | {"dataset": "city_pitts_dn", "start_share": 0.25, "epochs": 1}
    params["train"] = {"dn_netvlad": night}
    params["experiment"] = {"dn_netvlad": TEST | {"model": "dn_netvlad"}}
    params["test_sets"] = ["city_pitts"]
    project.set_params(params)
    committed(project)
    project.repro()
    committed(project)
    sweep = ("--queue", "-n", "share", "-S", "train.dn_netvlad.start_share=0.1,0.5")
    project.dvc("exp", "run", *sweep, "tables")
    project.dvc("exp", "run", "--run-all")
    found = shown(project)
    assert {name: each["start_share"] for name, each in found.items()} == {"share-1": 0.1, "share-2": 0.5}
    for each in found.values():
        recalls = each["metrics"]["reports/tables/metrics.json"]["data"]["dn_netvlad"]
        assert list(recalls) == ["city_pitts"]
        assert 0 <= recalls["city_pitts"] <= 100
    assert_views_are_small(project)


def assert_views_are_small(project: Project) -> None:
    """What DVC shows of it all fits a terminal, and each curve is drawn."""
    for command in (("metrics", "show"), ("exp", "show", "--only-changed", "--no-pager")):
        lines = project.dvc(*command).stdout.splitlines()
        assert max(map(len, lines)) <= 120, "\n".join(lines)
    project.dvc("exp", "apply", "share-1")
    (change,) = project.dvc("metrics", "diff", "--all").stdout.splitlines()[1:]
    assert change.split()[:2] == ["reports/tables/metrics.json", "dn_netvlad.city_pitts"]
    project.dvc("plots", "show", "--out", "views")
    page = (project.root / "views" / "index.html").read_text()
    assert '"title": "recall at N"' in page
    for curve in ("loss", "recall@1", "recall@5", "recall@10", "recall@20"):
        assert f"reports/train/dn_netvlad/plots/metrics/{curve}.tsv" in page
