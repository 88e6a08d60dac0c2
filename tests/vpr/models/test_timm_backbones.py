from __future__ import annotations

import copy
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import timm
import torch
from torch import nn

from pipeline.compute.distributed.group import Group
from pipeline.runtime.errors import MissingInputError, ParameterError
from pipeline.vpr.evaluation.multiscale import at_scales
from pipeline.vpr.inputs.preprocessing import MEAN, STD, as_view
from pipeline.vpr.models.backbones import Renormalised, build_backbone
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, load_model, save_model
from pipeline.vpr.models.pretrained_weights import PACKAGES
from pipeline.vpr.models.sync_batchnorm import SharedBatchNormAct, share_batch_norm
from pipeline.vpr.retrieval.batchnorm_folding import folded_eval_mode
from pipeline.vpr.retrieval.memory_estimate import footprint

LITE = "tf_efficientnet_lite0"
SMALL = NetworkSettings("resnet10t", "none", "layer3", "gem", l2="before_pool", stride=16)
PACKAGED = NetworkSettings(LITE, "packaged", "blocks.3", "gem", l2="before_pool", stride=16)


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def view() -> torch.Tensor:
    pixels = np.random.default_rng(3).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return as_view(cv2.resize(pixels, (96, 64)), 64, 96)[None]


@pytest.mark.parametrize(
    ("name", "stride", "shape"),
    [
        (LITE, 16, (112, 4, 6)),
        (LITE, 8, (40, 8, 12)),
        ("resnet10t", 16, (256, 4, 6)),
        ("mobilenetv3_small_050", 16, (24, 4, 6)),
        ("convnext_atto", 16, (160, 4, 6)),
        ("vit_tiny_patch16_224", 16, (192, 4, 6)),
        ("swin_tiny_patch4_window7_224", 4, (96, 16, 24)),
    ],
)
def test_features_are_of_the_stride(name: str, stride: int, shape: tuple[int, ...]) -> None:
    if name.startswith("swin"):
        with torch.device("meta"):
            backbone = build_backbone(name, "none", "all", stride)
        with pytest.raises(ParameterError, match="of timm does not accept images of 96x64 pixels"):
            backbone.to_empty(device="cpu")(view())
        return
    backbone = build_backbone(name, "none", "all", stride).eval()
    assert backbone(view()).shape == (1, *shape)
    assert backbone.channels == shape[0]
    assert all(value.requires_grad for value in backbone.parameters())


def test_nothing_after_the_cut_is_kept() -> None:
    backbone = build_backbone("resnet10t", "none", "all", 16)
    whole = timm.create_model("resnet10t")
    later = sum(value.numel() for part in (whole.layer4, whole.fc) for value in part.parameters())
    all_of_it = sum(value.numel() for value in whole.parameters())
    assert sum(value.numel() for value in backbone.parameters()) == all_of_it - later


@pytest.mark.parametrize(
    ("name", "weights", "trainable", "stride", "words"),
    [
        ("resnet10", "none", "all", 16, r"unknown backbone 'resnet10'; .*timm \(similar names: resnet10t"),
        ("resnet10t", "none", "all", 12, "has no features of stride 12; its strides are 2, 4, 8, 16, 32"),
        ("resnet10t", "none", "all", None, "needs a stride; its strides are 2, 4, 8, 16, 32"),
        ("resnet18conv4", "none", "all", 16, "has a fixed stride, but stride is 16"),
        (
            "resnet18conv4",
            "none",
            "layer9",
            None,
            "no stage 'layer9'; its stages are conv1, bn1, relu, maxpool, l",
        ),
        ("resnet10t", "none", "late_layers", 16, "no stage 'late_layers'; its stages are conv1, bn1, act1"),
        ("vit_tiny_patch16_224", "none", "blocks.3", 16, "training cannot start at blocks.3"),
        ("resnet10t", "packaged", "all", 16, f"no package has weights for backbone resnet10t; .* {LITE}"),
        ("resnet10t", "imagnet", "all", 16, "unknown weights 'imagnet'"),
    ],
)
def test_what_there_is_not_is_refused(
    name: str, weights: str, trainable: str, stride: int | None, words: str
) -> None:
    with pytest.raises(ParameterError, match=words) as caught:
        build_backbone(name, weights, trainable, stride)
    assert caught.value.hint


def test_published_weights_that_cannot_be_had_are_an_error_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = timm.create_model

    def offline(name: str, *, pretrained: bool = False, **options: Any) -> nn.Module:
        # The hub tries again for most of a minute.
        if pretrained:
            raise OSError("An error happened while trying to locate the file on the Hub")
        made: nn.Module = create(name, **options)
        return made

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(MissingInputError, match="could not get the published weights of resnet10t") as caught:
        build_backbone("resnet10t", "imagenet", "all", 16)
    assert "weights: none" in caught.value.hint


def whole_with_packaged_weights() -> nn.Module:
    whole: nn.Module = timm.create_model(LITE).eval()
    given = torch.load(PACKAGES[LITE].path, weights_only=True)
    whole.load_state_dict(dict(zip(whole.state_dict(), given.values(), strict=True)))
    return whole


def test_packaged_features_are_those_of_the_network_with_its_own_normalisation() -> None:
    backbone = build_backbone(LITE, "packaged", "blocks.3", 16).eval()
    whole = whole_with_packaged_weights()
    seen: list[torch.Tensor] = []
    whole.get_submodule("blocks.4").register_forward_hook(lambda *call: seen.append(call[2]))
    x = view()
    levels = 255 * (x * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None])
    with torch.inference_mode():
        whole((levels - 127) / 128)
        torch.testing.assert_close(backbone(x), seen[0], rtol=0, atol=2e-4)
        assert seen[0].abs().mean() > 0.1


def test_the_same_normalisation_changes_no_bit() -> None:
    x = view()
    assert torch.equal(Renormalised(MEAN, STD)(x), x)


@pytest.mark.parametrize(
    "settings",
    [PACKAGED, SMALL, NetworkSettings("resnet18conv4", "none", "layer3", "gem", l2="none")],
    ids=["packaged", "small", "torchvision"],
)
def test_frozen_parts_do_not_move_while_the_others_learn(settings: NetworkSettings) -> None:
    network = build_network(settings).train()
    backbone = network.parts[0].backbone
    before = copy.deepcopy(backbone.state_dict())
    learning = [value for value in network.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(learning, lr=1e-3)
    x = view().repeat(2, 1, 1, 1)
    given = backbone.frozen(x)
    for _ in range(2):
        optimizer.zero_grad()
        network(x)[:, 0].sum().backward()
        optimizer.step()
    after = backbone.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.startswith("learning.") for name in moved)
    assert torch.equal(backbone.frozen(x), given)
    assert all(not module.training for module in backbone.frozen.modules())


def test_learning_layers_do_not_write_into_what_the_frozen_give() -> None:
    backbone = build_backbone("resnet10t", "none", "act1", 16).eval()
    given = backbone.frozen(view())
    before = given.clone()
    with torch.no_grad():
        backbone.learning(given)
    assert torch.equal(given, before)


@pytest.mark.parametrize("name", [LITE, "resnet18", "efficientnet_b0", "mobilenetv4_conv_small_050"])
def test_folded_batch_norms_compute_the_same(name: str) -> None:
    torch.manual_seed(2)
    backbone = build_backbone(name, "none", "all", 16)
    norms = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        for value in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            value.data.uniform_(0.5, 1.5)
    x = view()
    backbone.train()
    with torch.inference_mode():
        with folded_eval_mode(backbone):
            found = backbone(x)
            left = [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
        assert left == []
        assert [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)] == norms
        wanted = backbone.eval()(x)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())


@pytest.mark.parametrize(
    "settings",
    [
        PACKAGED,
        SMALL,
        replace(SMALL, backbone="eva02_tiny_patch14_224", trainable="all", stride=14),
        replace(SMALL, backbone="resnet10t", second_backbone="resnet18conv4", ensemble="addition"),
    ],
    ids=["packaged", "small", "constants-of-no-state", "beside-torchvision"],
)
def test_a_saved_model_is_loaded_as_it_was(settings: NetworkSettings, tmp_path: Path) -> None:
    network = build_network(settings).eval()
    save_model(tmp_path / "model.pt", network, settings, {})
    before = torch.get_rng_state()
    loaded, found, _ = load_model(tmp_path / "model.pt")
    assert torch.equal(before, torch.get_rng_state())
    x = view()
    with torch.inference_mode():
        assert torch.equal(network(x), loaded.eval()(x))
        assert torch.equal(copy.deepcopy(network)(x), network(x))
    assert found == settings


def test_scales_types_forms_and_memory() -> None:
    network = build_network(PACKAGED).eval().to(memory_format=torch.channels_last)
    x = view().contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        features = network.parts[0].backbone(x)
        assert features.is_contiguous(memory_format=torch.channels_last)
        assert at_scales(network, "concatenation")(x).shape == (1, 112)
        with torch.autocast("cpu", torch.bfloat16):
            near = network.parts[0].backbone(x)
    assert near.dtype == torch.bfloat16
    torch.testing.assert_close(near.float().mean(), features.mean(), rtol=0.1, atol=0.1)
    assert footprint(network, x, learning=False).passing > x.nbytes
    assert footprint(network, x, learning=True).kept > 0


def test_processes_share_batch_norms_that_activate() -> None:
    backbone = build_backbone(LITE, "none", "all", 16)
    names = list(backbone.state_dict())
    share_batch_norm(backbone, Group(size=2))
    kinds = {type(module) for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)}
    assert kinds == {SharedBatchNormAct}
    assert list(backbone.state_dict()) == names
    x = view()
    torch.manual_seed(0)
    with torch.inference_mode(), folded_eval_mode(backbone):
        assert not [module for module in backbone.modules() if isinstance(module, nn.BatchNorm2d)]
        assert backbone(x).isfinite().all()


def test_processes_refuse_batch_norms_that_they_cannot_share() -> None:
    class Other(nn.BatchNorm2d):
        pass

    with pytest.raises(ParameterError, match="of type Other, which 2 processes cannot train together"):
        share_batch_norm(nn.Sequential(Other(3)), Group(size=2))
    share_batch_norm(nn.Sequential(Other(3)).eval(), Group(size=2))
