"""`DUSKLINE_ENGINE` reaches what translates and what describes, and changes no byte."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.evaluation import evaluation
from stages import evaluate, photometric, translate_folder
from tests.import_graph import ROOT
from tests.night.fakes import picture, tree
from tests.ray_cluster import two_nodes
from tests.stages.project_folder import write_day_set, write_project

CHECKPOINT = ROOT / "tests" / "data" / "unit" / "gen_dim8.pt"


@pytest.fixture
def days(tmp_path: Path) -> Path:
    (tmp_path / "days").mkdir()
    for number in range(6):
        (tmp_path / "days" / f"{number}.jpg").write_bytes(picture(number, 64, 48))
    return tmp_path / "days"


@pytest.fixture
def _a_wish_for_ray_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    monkeypatch.setenv("DUSKLINE_ENGINE", "ray")
    monkeypatch.setitem(sys.modules, "ray", None)


@pytest.mark.usefixtures("_a_wish_for_ray_that_is_not_there")
def test_without_ray_the_commands_that_translate_say_what_to_install(tmp_path: Path, days: Path) -> None:
    write_project(tmp_path)
    write_day_set(tmp_path, "streets", 2)
    folder = CliRunner().invoke(
        translate_folder.main, [str(days), str(tmp_path / "nights"), "--photometric", "meant"]
    )
    values = {"day": "streets", "format": "png", "quality": "90", "max_failed": "0", "style": "meant"}
    values["shards_above"] = "9"
    options = [text for name, value in values.items() for text in (f"--{name}", value)]
    stage = CliRunner().invoke(photometric.main, ["--name", "streets_night", *options])
    for result in (folder, stage):
        assert result.exit_code == 2, result.output
        assert "the engine is ray, which cannot be imported here" in result.stderr
        assert "pip install duskline[cluster], or set DUSKLINE_ENGINE=local" in result.stderr


@pytest.mark.usefixtures("_a_wish_for_ray_that_is_not_there")
def test_the_stage_evaluate_hands_the_engine_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def noting(*_: Any, **settings: Any) -> Any:
        asked.update(settings)
        return SimpleNamespace(queries=0)

    monkeypatch.setattr(evaluation, "evaluate", noting)
    monkeypatch.setattr(ImageSet, "open", lambda _: None)
    options = ["--name", "a-b", "--experiment", "a", "--test_set", "b"]
    result = CliRunner().invoke(evaluate.main, options)
    assert result.exit_code == 0, result.output
    assert asked["engine"] == "ray"


@pytest.mark.slow
def test_the_command_gives_the_same_nights_by_either_engine(days: Path, tmp_path: Path) -> None:
    found = []
    with two_nodes():
        for engine in ("local", "ray"):
            command = ["-m", "stages.translate_folder", str(days), str(tmp_path / engine)]
            options = ["--checkpoint", str(CHECKPOINT), "--shorter-side", "48"]
            machine = {"DUSKLINE_ENGINE": engine, "DUSKLINE_WORK": str(tmp_path / f"{engine}_work")}
            subprocess.run(
                [sys.executable, *command, *options],
                cwd=ROOT,
                env={**os.environ, **machine, "DUSKLINE_DEVICE": "cpu", "DUSKLINE_WORKERS": "2"},
                check=True,
            )
            found.append(tree(tmp_path / engine))
    assert found[0] == found[1]
    assert len(found[0]) == 6 + 2
