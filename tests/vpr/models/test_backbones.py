from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision

from pipeline.runtime.errors import MissingInputError, ParameterError
from pipeline.vpr.models import backbones
from pipeline.vpr.models.backbones import build_backbone


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("resnet18conv4", (256, 30, 40)),
        ("resnet18conv5", (512, 15, 20)),
        ("resnet50conv4", (1024, 30, 40)),
        ("resnet50conv5", (2048, 15, 20)),
        ("alexnet", (256, 29, 39)),
        ("vgg16", (512, 30, 40)),
    ],
)
def test_features_of_the_papers_pictures(name: str, shape: tuple[int, ...]) -> None:
    with torch.device("meta"):
        backbone = build_backbone(name, "none", "all")
        assert backbone(torch.rand(1, 3, 480, 640)).shape == (1, *shape)
    assert backbone.channels == shape[0]


@pytest.mark.parametrize(
    ("name", "learning"),
    [
        ("resnet18conv4", ["layer3"]),
        ("resnet18conv5", ["layer3", "layer4"]),
        ("resnet50conv4", ["layer3"]),
        ("resnet50conv5", ["layer3", "layer4"]),
        ("alexnet", ["features.6", "features.8", "features.10"]),
        ("vgg16", ["features.24", "features.26", "features.28"]),
    ],
)
def test_only_the_late_layers_learn(name: str, learning: list[str]) -> None:
    recipe = backbones.BACKBONES[name]
    with torch.device("meta"):
        backbone = build_backbone(name, "none", "late_layers")
        whole = recipe.network(weights=None)
    wanted = [value.shape for part in learning for value in whole.get_submodule(part).parameters()]
    assert [value.shape for value in backbone.parameters() if value.requires_grad] == wanted
    # What is frozen is all that the whole network has before.
    before = [part for part, _ in whole.named_children()]
    assert len(backbone.frozen) == (
        5 if name == "alexnet" else 24 if name == "vgg16" else before.index("layer3")
    )


@pytest.mark.parametrize(("name", "last"), [("alexnet", 10), ("vgg16", 28)])
def test_the_last_relu_and_pooling_are_left_out(name: str, last: int) -> None:
    torch.manual_seed(1)
    backbone = build_backbone(name, "none", "all").eval()
    torch.manual_seed(1)
    whole = backbones.BACKBONES[name].network(weights=None).eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        found = backbone(x)
        assert torch.equal(found, whole.features[: last + 1](x))
    assert found.min() < 0


@pytest.mark.parametrize(("name", "smallest"), [("alexnet", 31), ("vgg16", 16)])
def test_pictures_of_which_nothing_would_be_left_are_refused(name: str, smallest: int) -> None:
    with torch.device("meta"):
        backbone = build_backbone(name, "none", "all")
        assert backbone(torch.rand(1, 3, smallest, 99)).shape[2] == 1
        with pytest.raises(
            ParameterError, match=f"of 99x{smallest - 1} pixels are too small .* needs at least {smallest}"
        ):
            backbone(torch.rand(1, 3, smallest - 1, 99))


@pytest.mark.parametrize("trainable", ["all", "late_layers"])
def test_features_are_those_of_the_whole_network_after_layer3(trainable: Any) -> None:
    torch.manual_seed(1)
    backbone = build_backbone("resnet18conv4", "none", trainable).eval()
    torch.manual_seed(1)
    whole = torchvision.models.resnet18(weights=None).eval()
    seen: list[torch.Tensor] = []
    whole.layer3.register_forward_hook(lambda *call: seen.append(call[2]))
    x = torch.rand(1, 3, 64, 64)
    whole(x)
    assert torch.equal(backbone(x), seen[0])


def test_only_layer3_learns_but_statistics_move() -> None:
    backbone = build_backbone("resnet18conv4", "none", "late_layers").train()
    before = backbone.frozen[1].running_mean.clone()
    backbone(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(value.grad is None for value in backbone.frozen.parameters())
    assert all(value.grad is not None for value in backbone.learning.parameters())
    assert not torch.equal(before, backbone.frozen[1].running_mean)
    # Frozen layers cost no gradient.
    assert backbone.frozen(torch.rand(2, 3, 64, 64)).grad_fn is None


def test_unknown_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="unknown backbone 'resnet9'; known are resnet18conv4"):
        build_backbone("resnet9", "none", "all")


def test_weights_that_cannot_be_downloaded_are_an_error_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(MissingInputError, match="ImageNet weights of resnet18conv4 could not be") as caught:
        build_backbone("resnet18conv4", "imagenet", "all")
    assert "Name or service not known" in caught.value.message
    assert "weights: none" in caught.value.hint


def test_a_fault_without_a_download_is_not_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("out of memory")

    recipe = replace(backbones.BACKBONES["resnet18conv4"], network=broken)
    monkeypatch.setitem(backbones.BACKBONES, "resnet18conv4", recipe)
    with pytest.raises(RuntimeError, match="out of memory"):
        build_backbone("resnet18conv4", "none", "all")
