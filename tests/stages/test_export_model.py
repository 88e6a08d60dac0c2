"""`duskline export-model`: a model's name, a folder, and what is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from stages.cli import main
from stages.known_names import model_names
from tests.stages.project_folder import write_project
from tests.vpr.export.models import gem, settings_of, write_model

SMALL = settings_of("resnet18conv4", **gem())


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, train={"day": {}, "dn": {}}, adapt={"dn_adapted": {}})
    monkeypatch.chdir(tmp_path)


def exported(*words: str) -> Result:
    return CliRunner().invoke(main, ["export-model", *words])


def test_it_says_what_there_is_to_call(tmp_path: Path) -> None:
    write_model(Path("models/vpr/dn_adapted"), SMALL)
    result = exported("dn_adapted", "out")
    assert result.exit_code == 0, result.output
    assert "out: dn_adapted, descriptors of 256 numbers; its README.md says how to load it" in result.output
    model = torch.hub.load("out", "dn_adapted", source="local")
    assert model(torch.zeros(1, 3, 48, 64)).shape == (1, 256)


def test_what_is_wrong_is_said_in_words() -> None:
    write_model(Path("models/vpr/dn"), SMALL)
    missing = exported("night", "out")
    assert missing.exit_code == 2
    assert "no such model: models/vpr/night" in missing.output
    assert "known are dn; dvc repro makes those in params.yaml" in missing.output
    Path("mine").mkdir()
    Path("mine/notes.txt").touch()
    refused = exported("dn", "mine")
    assert refused.exit_code == 2
    assert "mine is not empty and is not an exported model, so it is not replaced" in refused.output
    Path("file").touch()
    assert exported("dn", "file").exit_code == 2
    assert "Traceback" not in missing.output + refused.output


def test_names_are_completed() -> None:
    write_model(Path("models/vpr/theirs"), SMALL)
    assert model_names() == ["day", "dn", "dn_adapted", "theirs"]
