from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from stages.format import main as format_stage
from stages.model_file import main as model_file
from tests.datasets.walks import WALKS, make_walks
from tests.stages.project_folder import write_project
from tests.vpr.experiments.test_model_file import given


def test_the_stage_puts_a_given_model_beside_those_trained_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = given(tmp_path / "archives")
    write_project(tmp_path, model_file={"day": {"file": str(file)}})
    result = CliRunner().invoke(model_file, ["--name", "day"])
    assert result.exit_code == 0, result.output
    assert "model_file@day: resnet18conv4 with gem" in result.output
    assert Path("models/vpr/day/model.pt").read_bytes() == file.read_bytes()


def test_a_file_that_is_not_there_is_the_users_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path, model_file={"day": {"file": "archives/day.pt"}})
    result = CliRunner().invoke(model_file, ["--name", "day"])
    assert result.exit_code == 2
    assert "archives/day.pt" in result.output
    assert "Traceback" not in result.output
    assert not Path("models").exists()


def test_the_stage_format_takes_a_walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_walks(tmp_path / "archives")
    walk = {"raw": "archives", "form": "traverses", "traverses": WALKS}
    walk |= {"expected": None, "split": "test", "frame_step": 2, "jpeg_quality": 90}
    write_project(tmp_path, format={"walk": walk}, sets={"shards_above": 1000})
    result = CliRunner().invoke(format_stage, ["--name", "walk"])
    assert result.exit_code == 0, result.output
    assert "4 images (test/database 2, test/queries 2)" in result.output
