"""`duskline adapt`: two folders and a model, of either kind, are enough."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from pipeline.night.upkeep.folder import night_of
from pipeline.vpr.experiments.torch_hub import load_hub_model
from pipeline.vpr.models.descriptor_model import load_model
from stages.adapt_folder import main as adapt
from tests.night.fakes import picture
from tests.vpr.adaptation.runs import write_teacher
from tests.vpr.experiments.test_torch_hub import write_repository

CHOICES = ("--height", "48", "--width", "48", "--steps", "2", "--batch", "2", "--neighbours", "0")


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days in a tree, in three forms, their nights, and a model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    (tmp_path / "days" / "rome").mkdir(parents=True)
    (tmp_path / "nights" / "rome").mkdir(parents=True)
    for number, name in enumerate(["a.jpg", "b.JPG", "rome/a.png"]):
        (tmp_path / "days" / name).write_bytes(picture(number, 64, 48))
        (tmp_path / "nights" / night_of(name, ".jpg")).write_bytes(picture(number + 3, 64, 48))
    write_teacher(tmp_path / "given")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(adapt, [*arguments, *CHOICES])


@pytest.mark.parametrize("model", ["given", "given/model.pt"])
def test_a_model_learns_and_nothing_else_is_left(model: str) -> None:
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    result = run(model, "days", "nights", "new", "--trainable", "all")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("new: 2 steps; loss ")
    network, _, record = load_model(Path("new/model.pt"))
    taught, untaught = (one.state_dict() for one in (network, load_model(Path("given/model.pt"))[0]))
    assert any(not torch.equal(taught[name], untaught[name]) for name in taught)
    assert str(record["learnt_from"]).startswith(f"adapted from {Path(model).stem}, the teacher's index kept")
    assert list(Path("work/adapt").iterdir()) == []
    assert {path: path.read_bytes() for path in before} == before
    assert [path.name for path in Path("new").iterdir()] == ["model.pt"]


def test_a_model_of_torch_hub_learns(tmp_path: Path) -> None:
    write_repository(tmp_path / "theirs")
    asked = ("theirs", "days", "nights", "new", "--trainable", "all", "--entry", "described")
    result = run(*asked)
    assert result.exit_code == 2
    assert "is code of others" in result.stderr
    result = run(*asked, "--trust-repo")
    assert result.exit_code == 0, result.output
    assert load_hub_model(Path("new/hub.json"))(torch.zeros(1, 3, 48, 48)).ndim == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gone", "days", "nights", "new"), "no model: gone"),
        (("days", "days", "nights", "new"), "no model: days"),
        (("given", "gone", "nights", "new"), "gone"),
        (("given", "days", "gone", "new"), "gone"),
        (("given", "days", "days", "new"), "days has no night image of any image in days"),
        (("given", "nights", "days", "new"), "days has no night image of any image in nights"),
        (("given", "days", "nights", "given"), "given is the folder of the model to be adapted"),
        (("given", "days", "nights", "days"), "days is not empty and is not a model"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments: tuple[str, ...], said: str) -> None:
    before = sorted(path for path in Path().rglob("*") if path.is_file())
    result = run(*arguments, "--trainable", "all")
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert sorted(path for path in Path().rglob("*") if path.is_file()) == before


def test_a_day_without_a_night_is_learnt_from_alone(caplog: pytest.LogCaptureFixture) -> None:
    Path("nights/an.jpg").unlink()
    result = run("given", "days", "nights", "new", "--trainable", "all")
    assert result.exit_code == 0, result.output
    assert "1 of 3 training queries" in caplog.text
