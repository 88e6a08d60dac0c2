from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pipeline.runtime.errors import CheckpointError, MissingInputError
from pipeline.vpr.evaluation.model_loading import read_tested
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.experiments.model_file import take_model
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, load_model, save_model

SETTINGS = NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool")
RECORD = {"dataset_digest": "abc", "learnt_from": "queries as they are"}


def given(folder: Path, record: dict[str, str] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder / "theirs.pt", build_network(SETTINGS), SETTINGS, RECORD if record is None else record)
    return folder / "theirs.pt"


def test_a_given_model_is_copied_and_can_be_tested(tmp_path: Path) -> None:
    file = given(tmp_path)
    before = file.stat()
    words = take_model(file, tmp_path / "vpr" / "day")
    assert words.startswith("resnet18conv4 with gem, ")
    taken = tmp_path / "vpr" / "day" / "model.pt"
    assert taken.read_bytes() == file.read_bytes()
    # DVC will make it read-only: it may not be the user's own file by another name.
    assert not taken.samefile(file)
    assert (file.stat().st_mtime_ns, file.stat().st_mode) == (before.st_mtime_ns, before.st_mode)
    experiment = Experiment("day", 48, 48, "hard_resize", "none", 3.0, None, False, "off", 1)
    write_experiment(tmp_path / "experiment", experiment, taken.parent)
    tested = read_tested(tmp_path / "experiment")
    assert (tested.trained_on, tested.learnt_from) == ("abc", "queries as they are")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"nowhere\.pt") as caught:
        take_model(tmp_path / "nowhere.pt", tmp_path / "out")
    assert "model_file in params.yaml" in caught.value.hint


def test_a_damaged_file_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    file = given(tmp_path)
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"theirs\.pt cannot be read as a model"):
        take_model(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match=r"other\.pt is not a model trained by duskline"):
        take_model(tmp_path / "other.pt", tmp_path / "out")


def test_a_model_that_does_not_say_how_it_was_trained_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="its record has no learnt_from"):
        take_model(given(tmp_path, {"dataset_digest": "abc"}), tmp_path / "out")


def test_another_file_of_the_same_name_takes_the_place(tmp_path: Path) -> None:
    take_model(given(tmp_path), tmp_path / "out")
    first = (tmp_path / "out" / "model.pt").read_bytes()
    take_model(given(tmp_path, RECORD | {"learnt_from": "else"}), tmp_path / "out")
    assert (tmp_path / "out" / "model.pt").read_bytes() != first
    assert load_model(tmp_path / "out" / "model.pt")[2]["learnt_from"] == "else"
