"""`duskline plan` and `duskline doctor` on the tiny city: what they say is what `dvc repro` then does."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.compute.resources.timings import read_timings
from tests.end_to_end.project import Project, copy_project
from tests.end_to_end.test_pipeline import ALL_STAGES

pytestmark = pytest.mark.slow

NIGHT = "translate@city_pitts_night"


def _plan(project: Project, *targets: str) -> dict[str, Any]:
    said = project.run(sys.executable, "-m", "stages.plan", "--json", *targets).stdout
    document: dict[str, Any] = json.loads(said)
    return document


def _steps(project: Project) -> dict[str, dict[str, Any]]:
    return {step["stage"]: step for step in _plan(project)["stages"]}


def test_a_fresh_clone_and_after_its_run(project: Project, tmp_path: Path) -> None:
    fresh = _plan(copy_project(tmp_path / "fresh"))
    assert sorted(step["stage"] for step in fresh["stages"]) == sorted(ALL_STAGES)
    assert {tuple(step["reasons"]) for step in fresh["stages"]} == {("never ran",)}
    assert {step["seconds"] for step in fresh["stages"]} == {None}
    assert _plan(project)["stages"] == []
    said = project.run(sys.executable, "-m", "stages.plan").stdout
    assert said == "Nothing to do: every output is up to date.\n"


def test_every_run_was_written_down(finished_run: tuple[Project, list[str]]) -> None:
    runs = read_timings(finished_run[0].root / "work")
    assert sorted(runs) == sorted(ALL_STAGES)
    assert (runs[NIGHT].items, runs["fetch@city"].items) == (16, 30)
    # Its workers load torch.
    assert runs[NIGHT].memory > 300_000_000


def test_an_edited_parameter(project: Project) -> None:
    params = project.params()
    params["translate"]["city_pitts_night"]["quality"] = 80
    project.set_params(params)
    before = _steps(project)
    assert {stage: step["certainty"] for stage, step in before.items()} == {
        NIGHT: "runs",
        "merge@city_pitts_dn": "follows",
        # The page has all parameters on it.
        "report": "runs",
    }
    assert before[NIGHT]["reasons"] == ["changed command: quality 90 -> 80"]
    assert before[NIGHT]["basis"] == ""
    assert before[NIGHT]["seconds"] == read_timings(project.root / "work")[NIGHT].seconds
    folder = project.root / "data" / "sets" / "city_pitts_night" / "images"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert before[NIGHT]["outputs"] == size
    assert before["merge@city_pitts_dn"]["outputs"] == 0, "its images are links"
    assert set(project.repro()) == {NIGHT, "merge@city_pitts_dn", "report"}
    assert _steps(project) == {}


def test_deleted_outputs(project: Project) -> None:
    shutil.rmtree(project.root / "data" / "sets" / "city_xs")
    assert {stage: step["certainty"] for stage, step in _steps(project).items()} == {
        "format@city_xs": "cached"
    }
    assert project.repro() == []
    assert _steps(project) == {}


def test_runs_that_found_all_made_or_failed_spoil_no_estimate(project: Project) -> None:
    first = read_timings(project.root / "work")
    project.dvc("repro", "--force", "--single-item", NIGHT)
    params = project.params()
    params["select"]["city_tokyo_night"]["expected"] = 77
    project.set_params(params)
    assert project.dvc("repro", "select@city_tokyo_night", check=False).returncode != 0
    assert read_timings(project.root / "work") == first


def test_doctor_finds_the_default_project_well(project: Project) -> None:
    said = project.run(sys.executable, "-m", "stages.doctor").stdout
    assert said.splitlines()[-1].startswith("0 faults, ")
    assert "torch" in said
    assert project.dvc("status").stdout.strip() == "Data and pipelines are up to date."
