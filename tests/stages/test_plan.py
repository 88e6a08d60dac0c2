"""`duskline plan` on a small project."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.compute.resources.timings import add_timing, machine_in_words
from pipeline.runtime.machine import read_machine
from stages.cli import main as duskline
from tests.compute.resources.test_timings import RUN
from tests.forecast.small_pipeline import new_pipeline


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    for name in [name for name in os.environ if name.startswith("DUSKLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(new_pipeline(tmp_path / "project"))
    return tmp_path / "project"


def _plan(*arguments: str) -> Result:
    return CliRunner().invoke(duskline, ["plan", *arguments])


def test_before_anything_ran() -> None:
    result = _plan()
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["stage", "time", "memory", "outputs", "why"]
    assert [line.split()[1:] for line in lines[1:5]] == [["unknown", "never", "ran"]] * 4
    assert lines[-1] == "Stages that will run: 4, an unknown time for 4."


def test_with_a_record_of_earlier_runs() -> None:
    add_timing(Path("work"), "report", dataclasses.replace(RUN, machine=machine_in_words(read_machine())))
    result = _plan()
    [report] = [line for line in result.stdout.splitlines() if line.startswith("report")]
    assert report.split() == ["report", "1", "min", "1.0", "GB", "never", "ran"]
    assert "Stages that will run: 4, in about 1 min and an unknown time for 3." in result.stdout
    assert "Memory of the largest process: 1.0 GB;" in result.stdout


def test_for_machines() -> None:
    result = _plan("--json", "format")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [step["stage"] for step in document["stages"]] == ["format@day", "format@other"]
    assert {step["seconds"] for step in document["stages"]} == {None}


def test_an_unknown_target() -> None:
    result = _plan("nothing")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: DVC cannot tell what would run: ")
