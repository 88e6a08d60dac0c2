from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.core.errors import DusklineError, MissingInputError, ParameterError
from pipeline.vpr import backbones
from pipeline.vpr.backbones import build_backbone
from pipeline.vpr.network import NetworkSettings, build_network, load_model, save_model

NETVLAD = NetworkSettings("resnet18conv4", "none", "all", "netvlad", clusters=4)
GEM = NetworkSettings("resnet18conv4", "none", "from_conv4", "gem", l2="before_pool")


@pytest.mark.parametrize(("settings", "size"), [(NETVLAD, 1024), (GEM, 256)])
def test_network_gives_descriptors_of_its_size(settings: NetworkSettings, size: int) -> None:
    network = build_network(settings).eval()
    assert network.descriptor_size == size
    assert network(torch.rand(2, 3, 64, 80)).shape == (2, size)


def test_backbone_halves_four_times() -> None:
    assert build_backbone("resnet18conv4", "none", "all")(torch.rand(1, 3, 96, 128)).shape == (1, 256, 6, 8)


def test_from_conv4_on_only_the_last_block_learns_but_statistics_move() -> None:
    backbone = build_backbone("resnet18conv4", "none", "from_conv4").train()
    before = backbone.frozen[1].running_mean.clone()
    backbone(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(value.grad is None for value in backbone.frozen.parameters())
    assert all(value.grad is not None for value in backbone.learning.parameters())
    assert not torch.equal(before, backbone.frozen[1].running_mean)
    every = build_backbone("resnet18conv4", "none", "all")
    assert all(value.requires_grad for value in every.parameters())


def test_unknown_backbone_is_refused() -> None:
    with pytest.raises(ParameterError, match="unknown backbone 'resnet9'; known are resnet18conv4"):
        build_backbone("resnet9", "none", "all")


def test_imagenet_weights_that_cannot_be_had_are_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setitem(backbones.BACKBONES, "resnet18conv4", offline)
    with pytest.raises(MissingInputError, match="ImageNet weights of resnet18conv4 could not be downloaded"):
        build_backbone("resnet18conv4", "imagenet", "all")


@pytest.mark.parametrize("settings", [NETVLAD, GEM])
def test_a_saved_model_is_loaded_as_it_was(settings: NetworkSettings, tmp_path: Path) -> None:
    network = build_network(settings).eval()
    save_model(tmp_path / "model.pt", network, settings, {"epoch": 3})
    loaded, found, record = load_model(tmp_path / "model.pt")
    x = torch.rand(1, 3, 64, 64)
    assert torch.equal(network(x), loaded.eval()(x))
    assert (found, record) == (settings, {"epoch": 3})


def test_loading_never_asks_for_imagenet_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = NetworkSettings("resnet18conv4", "imagenet", "all", "gem", l2="none")
    network = build_network(NetworkSettings("resnet18conv4", "none", "all", "gem", l2="none"))
    save_model(tmp_path / "model.pt", network, settings, {})
    real = backbones.BACKBONES["resnet18conv4"]

    def refusing(weights: str, trainable: str) -> backbones.Backbone:
        assert weights == "none"
        return real(weights, trainable)

    monkeypatch.setitem(backbones.BACKBONES, "resnet18conv4", refusing)
    assert load_model(tmp_path / "model.pt")[1] == settings


def test_missing_broken_and_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(MissingInputError, match=r"no such model: .*model\.pt"):
        load_model(path)
    save_model(path, build_network(GEM), GEM, {})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DusklineError, match="cannot be read as a model"):
        load_model(path)
    torch.save({"weights": {}}, path)
    with pytest.raises(DusklineError, match="is no recogniser that duskline has trained"):
        load_model(path)
