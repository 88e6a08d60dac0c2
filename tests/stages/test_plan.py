"""`duskline plan` on a small project."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.compute.resources.timings import add_timing
from pipeline.runtime.machine import usable_processors
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
    assert lines[0].split() == ["stage", "time", "memory", "new", "disk", "why"]
    assert [line.split()[1:] for line in lines[1:5]] == [["unknown", "never", "ran"]] * 4
    assert lines[-1] == (
        "4 stages will run; how long that takes nobody knows yet: none of it was run here before."
    )


def test_with_a_record_of_earlier_runs() -> None:
    run = dataclasses.replace(
        RUN, stage="report", unit="", of=0, done=0, host=platform.node(), workers=usable_processors()
    )
    add_timing(Path("work"), run)
    result = _plan()
    [report] = [line for line in result.stdout.splitlines() if line.startswith("report")]
    assert report.split() == ["report", "1", "min", "1.0", "GB", "4", "kB", "never", "ran"]
    assert "in about 1 min and the time of 3 that were not run here before." in result.stdout
    assert "Memory at the peak: 1.0 GB;" in result.stdout


def test_for_machines() -> None:
    result = _plan("--json", "format")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert [step["stage"] for step in document["stages"]] == ["format@day", "format@other"]
    assert document["most"]["unknown"] == 2


def test_an_unknown_target() -> None:
    result = _plan("nothing")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: nothing is no stage of this project\n")
