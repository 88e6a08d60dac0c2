from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.core.files import digest_file, read_json
from pipeline.datasets.image_set.licence_terms import Terms, read_terms, write_terms
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.models.backbones import build_backbone
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.models.pretrained_weights import PACKAGES
from tests.vpr.places import write_places
from tests.vpr.runs import SETTINGS, KilledError, kill_after, run

LITE = replace(
    SETTINGS,
    backbone="tf_efficientnet_lite0",
    stride=16,
    weights="packaged",
    trainable="blocks.4",
    aggregation="gem",
    clusters=None,
    l2="before_pool",
    margin=2.0,  # which no triplet keeps: all are learnt from
    queries_per_epoch=4,
    epochs=1,
)


def test_packaged_weights_are_learnt_from_and_told_of(tmp_path: Path) -> None:
    places = write_places(tmp_path / "set")
    own = Terms("places", "made for this test", "none")
    write_terms(places.root, [own])
    run(places, tmp_path, LITE)
    model, settings, record = load_model(tmp_path / "out" / "model.pt")
    assert settings == LITE.network
    assert record["weights_digest"] == PACKAGES["tf_efficientnet_lite0"].digest
    packaged = build_backbone("tf_efficientnet_lite0", "packaged", "blocks.4", 16)
    learnt = model.parts[0].backbone
    for name, value in packaged.frozen.state_dict().items():
        assert torch.equal(learnt.frozen.state_dict()[name], value), name
    assert not torch.equal(learnt.learning[0][0].conv_pw.weight, packaged.learning[0][0].conv_pw.weight)
    assert [terms.licence for terms in read_terms(tmp_path / "out")] == ["Apache-2.0", "none"]
    assert len(read_json(tmp_path / "out" / "terms.json")) == 2

    experiment = Experiment("lite", 48, 48, "hard_resize", "none", 25, None, False, "off", 1)
    write_experiment(tmp_path / "experiment", experiment, tmp_path / "out")
    found = sorted(path.name for path in (tmp_path / "experiment").iterdir())
    assert found == ["experiment.json", "model.pt"]


def test_another_file_of_the_same_name_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = write_places(tmp_path / "set")
    path = tmp_path / "weights.pt"
    settings = replace(SETTINGS, weights=str(path), queries_per_epoch=4, epochs=1)
    for number in range(2):
        torch.manual_seed(number)
        backbone = build_backbone("resnet18conv4", "none", "all")
        names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3")
        parts = zip(names, backbone.learning, strict=True)
        state = {
            f"{part}.{key}": value for part, module in parts for key, value in module.state_dict().items()
        }
        torch.save(state, path)
        with monkeypatch.context() as patched:
            kill_after(1, patched)
            with pytest.raises(KilledError):
                run(places, tmp_path, settings)
    assert len(list((tmp_path / "work").iterdir())) == 2
    run(places, tmp_path, settings)
    assert load_model(tmp_path / "out" / "model.pt")[2]["weights_digest"] == digest_file(path)
    assert len(list((tmp_path / "work").iterdir())) == 1
