"""`duskline plan` and `duskline doctor` on the tiny city: what they say is what `dvc repro` then does."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.compute.resources.timings import read_timings, recorded_stages
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


def test_a_fresh_clone_and_after_its_run(finished_run: tuple[Project, list[str]], tmp_path: Path) -> None:
    fresh = _plan(copy_project(tmp_path / "fresh"))
    assert sorted(step["stage"] for step in fresh["stages"]) == sorted(ALL_STAGES)
    assert {tuple(step["reasons"]) for step in fresh["stages"]} == {("never ran",)}
    assert {step["seconds"] for step in fresh["stages"]} == {None}
    project, _ = finished_run
    assert _plan(project)["stages"] == []
    said = project.run(sys.executable, "-m", "stages.plan").stdout
    assert said == "Nothing to do: every output is what its code, parameters and inputs make.\n"


def test_every_run_was_written_down(finished_run: tuple[Project, list[str]]) -> None:
    work = finished_run[0].root / "work"
    assert recorded_stages(work) == sorted(ALL_STAGES)
    [night] = read_timings(work, NIGHT)
    folder = finished_run[0].root / "data" / "sets" / "city_pitts_night"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert (night.unit, night.of, night.done) == ("image", 16, 16)
    assert (night.size, night.written) == (size, size)
    assert night.path.startswith("cpu-")
    # Its workers load torch.
    assert night.memory > 300_000_000
    [city] = read_timings(work, "fetch@city")
    assert (city.unit, city.of, city.done) == ("image", 30, 30)
    [merge] = read_timings(work, "merge@city_pitts_dn")
    assert 0 < merge.written < merge.size / 2, "its images are links"
    assert (merge.unit, merge.of) == ("image", 32)


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
    assert before[NIGHT]["reasons"] == ["parameters changed: quality 90 -> 80"]
    assert before[NIGHT]["basis"] == "its last run"
    assert before[NIGHT]["seconds"] == read_timings(project.root / "work", NIGHT)[0].seconds
    assert set(project.repro()) == {NIGHT, "merge@city_pitts_dn", "report"}
    assert _steps(project) == {}


def test_deleted_outputs(project: Project) -> None:
    shutil.rmtree(project.root / "data" / "sets" / "city_xs")
    assert {stage: step["certainty"] for stage, step in _steps(project).items()} == {
        "format@city_xs": "cached"
    }
    assert project.repro() == []
    assert _steps(project) == {}


def test_a_run_that_found_all_in_the_store_spoils_no_estimate(project: Project) -> None:
    work = project.root / "work"
    project.dvc("repro", "--force", "--single-item", NIGHT)
    first, second = read_timings(work, NIGHT)
    assert (second.done, second.of) == (0, 16)
    assert second.written < first.written
    params = project.params()
    params["translate"]["city_pitts_night"]["quality"] = 70
    project.set_params(params)
    assert _steps(project)[NIGHT]["seconds"] == first.seconds


def test_a_stage_that_fails_is_not_written_down(project: Project) -> None:
    params = project.params()
    params["select"]["city_tokyo_night"]["expected"] = 77
    project.set_params(params)
    assert project.dvc("repro", "select@city_tokyo_night", check=False).returncode != 0
    assert len(read_timings(project.root / "work", "select@city_tokyo_night")) == 1


def test_doctor_finds_the_default_project_well(finished_run: tuple[Project, list[str]]) -> None:
    project, _ = finished_run
    said = project.run(sys.executable, "-m", "stages.doctor").stdout
    assert said.splitlines()[-1].startswith("0 faults, ")
    assert "torch" in said
    assert project.dvc("status").stdout.strip() == "Data and pipelines are up to date."
