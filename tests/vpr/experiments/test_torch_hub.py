"""Models of torch.hub, from made-up repositories: what they are is written down, and tested like our own."""

from __future__ import annotations

import json
import urllib.error
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.core.params import build
from pipeline.runtime.errors import CheckpointError, DusklineError, MissingInputError, ParameterError
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import HUB, Experiment, write_experiment
from pipeline.vpr.experiments.torch_hub import (
    HubModel,
    load,
    load_hub_model,
    read_hub_model,
    register_hub_model,
)
from pipeline.vpr.results.metrics import read_metrics
from tests.vpr.places import write_places

HUBCONF = """
dependencies = ["torch"]
import torch
from made_up_layers import Means


def described(side=4):
    return Means(side)


def drawn():
    pooling = torch.nn.AdaptiveAvgPool2d(1)
    return torch.nn.Sequential(pooling, torch.nn.Flatten(), torch.nn.Linear(3, 4))


def no_network():
    return [1]


def grid():
    return torch.nn.Identity()


def offline():
    raise OSError("Name or service not known")


def broken():
    raise ValueError("no such variant")
"""
LAYERS = """
import torch


class Means(torch.nn.Module):
    def __init__(self, side):
        super().__init__()
        self.side = side
        self.scale = torch.nn.Parameter(torch.full((1,), 2.0))

    def forward(self, x):
        return self.scale * torch.nn.functional.adaptive_avg_pool2d(x, self.side).flatten(1)
"""


def write_repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "made_up_layers.py").write_text(LAYERS)
    return folder


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubModel:
    monkeypatch.delitem(__import__("sys").modules, "made_up_layers", raising=False)
    repository = write_repository(tmp_path / "repository")
    return HubModel("local", str(repository), "described", {"side": 6}, trust_repo=True)


def test_it_is_written_down_and_loaded_again(model: HubModel, tmp_path: Path) -> None:
    assert register_hub_model(model, tmp_path / "out") == 3 * 6 * 6
    document = json.loads((tmp_path / "out" / HUB).read_text())
    assert document["descriptor_size"] == 3 * 6 * 6
    assert len(document["weights"]) == len(document["code"]) == 64
    assert read_hub_model(tmp_path / "out" / HUB)[0] == model
    network = load_hub_model(tmp_path / "out" / HUB)
    assert not network.training
    assert network(torch.ones(1, 3, 12, 12)).tolist() == [[2.0] * 108]
    # Nothing was written into somebody's folder.
    assert sorted(path.name for path in Path(model.repository).iterdir()) == [
        "hubconf.py",
        "made_up_layers.py",
    ]


def test_it_is_tested_like_a_model_of_ours(model: HubModel, tmp_path: Path) -> None:
    places = write_places(tmp_path / "city")
    register_hub_model(model, tmp_path / "model")
    experiment = Experiment("means", 48, 48, "five_crops", "none", 25.0, None, False, "off", 1)
    write_experiment(tmp_path / "means_crops", experiment, tmp_path / "model")
    store = tmp_path / "store"
    recalls = evaluate(tmp_path / "means_crops", places, tmp_path / "out", store, device="cpu", workers=1)
    assert recalls.percent(1) == 100
    metrics = read_metrics(tmp_path / "out")
    assert metrics.model == "means"
    assert metrics.trained_on == f"described(side=6) of {model.repository}"


def test_scales_cannot_be_combined(model: HubModel, tmp_path: Path) -> None:
    register_hub_model(model, tmp_path / "model")
    experiment = Experiment("means", 48, 48, "hard_resize", "average", 25.0, None, False, "off", 1)
    with pytest.raises(ParameterError, match="features cannot be combined over several scales"):
        write_experiment(tmp_path / "e", experiment, tmp_path / "model")


def test_code_of_others_is_not_run_without_trust(model: HubModel, tmp_path: Path) -> None:
    Path(model.repository, "hubconf.py").write_text("raise SystemExit('it ran')\n")
    with pytest.raises(ParameterError, match="is code of others, which would run here") as caught:
        register_hub_model(replace(model, trust_repo=False), tmp_path / "out")
    assert "trust_repo: true" in caught.value.hint


def test_other_code_is_noticed(model: HubModel, tmp_path: Path) -> None:
    register_hub_model(model, tmp_path / "out")
    layers = Path(model.repository) / "made_up_layers.py"
    layers.write_text(layers.read_text() + "# changed\n")
    with pytest.raises(CheckpointError, match=r"the code of described.* changed since") as caught:
        load_hub_model(tmp_path / "out" / HUB)
    assert "dvc repro --force hub_local@" in caught.value.hint


def test_other_weights_are_noticed(model: HubModel, tmp_path: Path) -> None:
    register_hub_model(replace(model, entry="drawn", arguments={}), tmp_path / "out")
    with pytest.raises(CheckpointError, match=r"the weights of drawn\(\) .* changed since"):
        load_hub_model(tmp_path / "out" / HUB)


def test_a_document_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / HUB).write_text("{}")
    with pytest.raises(DusklineError, match="does not describe a torch"):
        load_hub_model(tmp_path / HUB)


@pytest.mark.parametrize(
    ("entry", "error", "words"),
    [
        ("no_network", CheckpointError, "returned no network, but a list"),
        ("grid", CheckpointError, r"returned \(2, 3, 224, 224\) for two images; expected descriptors"),
        ("offline", MissingInputError, "is not available: Name or service not known"),
        ("broken", DusklineError, "failed: ValueError: no such variant"),
        ("nothing", DusklineError, "failed: RuntimeError: Cannot find callable nothing"),
    ],
)
def test_what_is_no_descriptor_model_is_refused(
    model: HubModel, tmp_path: Path, entry: str, error: type[DusklineError], words: str
) -> None:
    with pytest.raises(error, match=words):
        register_hub_model(replace(model, entry=entry, arguments={}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_hubconf_is_named(tmp_path: Path) -> None:
    model = HubModel("local", str(tmp_path / "nowhere"), "described", {}, trust_repo=True)
    with pytest.raises(MissingInputError, match=r"no such file: .*nowhere/hubconf\.py"):
        load(model)


GITHUB: dict[str, Any] = {
    "source": "github",
    "repository": "somebody/places:main",
    "entry": "described",
    "arguments": {},
    "trust_repo": True,
}


def test_a_repository_of_github_is_loaded_from_where_torch_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    kept = write_repository(tmp_path / "hub" / "somebody_places_main")
    model = build(HubModel, GITHUB, "hub_github.means")
    assert register_hub_model(model, tmp_path / "out") == 3 * 4 * 4
    before = json.loads((tmp_path / "out" / HUB).read_text())
    (kept / "hubconf.py").write_text(HUBCONF + "# changed\n")
    register_hub_model(model, tmp_path / "out")
    assert json.loads((tmp_path / "out" / HUB).read_text())["code"] != before["code"]


def test_without_a_network_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(MissingInputError, match=r"places:main is not available: .*not known") as caught:
        load(build(HubModel, GITHUB, "hub_github.means"))
    assert "connect to the network once" in caught.value.hint


@pytest.mark.parametrize(
    "repository", ["somebody/places", "https://host/somebody/places:main", "places:main", ""]
)
def test_a_repository_of_github_has_an_owner_and_a_branch(repository: str) -> None:
    with pytest.raises(ParameterError, match="repository must be owner/name:branch"):
        build(HubModel, GITHUB | {"repository": repository}, "hub_github.means")
