from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
import torchvision

from pipeline.core.errors import MissingInputError, ParameterError
from pipeline.vpr import backbones
from pipeline.vpr.backbones import build_backbone


def test_sides_are_halved_four_times() -> None:
    backbone = build_backbone("resnet18conv4", "none", "all")
    assert backbone.channels == 256
    assert backbone(torch.rand(1, 3, 96, 128)).shape == (1, 256, 6, 8)


@pytest.mark.parametrize("trainable", ["all", "from_conv4"])
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


def test_from_conv4_on_only_layer3_learns_but_statistics_move() -> None:
    backbone = build_backbone("resnet18conv4", "none", "from_conv4").train()
    before = backbone.frozen[1].running_mean.clone()
    backbone(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(value.grad is None for value in backbone.frozen.parameters())
    assert all(value.grad is not None for value in backbone.learning.parameters())
    assert not torch.equal(before, backbone.frozen[1].running_mean)
    layer3 = torchvision.models.resnet18(weights=None).layer3
    learning = [value for value in backbone.parameters() if value.requires_grad]
    assert [value.shape for value in learning] == [value.shape for value in layer3.parameters()]


def test_frozen_layers_cost_no_gradient() -> None:
    backbone = build_backbone("resnet18conv4", "none", "from_conv4").train()
    assert backbone.frozen(torch.rand(2, 3, 64, 64)).grad_fn is None


def test_all_layers_learn() -> None:
    backbone = build_backbone("resnet18conv4", "none", "all").train()
    backbone(torch.rand(2, 3, 64, 64)).sum().backward()
    assert all(value.grad is not None for value in backbone.parameters())


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
    def broken(*_: Any) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setitem(backbones.BACKBONES, "resnet18conv4", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        build_backbone("resnet18conv4", "none", "all")
