from pathlib import Path

import pytest
import torch
from torchvision import models

from pipeline.runtime.errors import CheckpointError
from tests.unit.golden import tensors
from unit.training.vgg import VggFeatures, load_vgg, vgg_input


def test_input_is_bgr_less_the_mean() -> None:
    blocks = tensors("blocks.npz")
    torch.testing.assert_close(vgg_input(blocks["vggpre_x"]), blocks["vggpre_y"], rtol=0, atol=2e-5)


@torch.inference_mode()
def test_pooling_after_three_blocks_only() -> None:
    assert VggFeatures("caffe")(torch.zeros(1, 3, 50, 33)).shape == (1, 512, 6, 4)


def test_both_ways_to_name_the_weights(tmp_path: Path) -> None:
    network = VggFeatures("caffe")
    state = network.state_dict()
    indices = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    blocks = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))
    caffes = [f"conv{block}_{number}" for block, count in blocks for number in range(1, count + 1)]
    layers = list(dict.fromkeys(key.rpartition(".")[0] for key in state))
    for file, names in (
        ("caffe.pt", caffes),
        ("torchvision.pt", [f"features.{index}" for index in indices]),
    ):
        content = {"classifier.0.bias": torch.ones(2)} | {
            f"{name}.{kind}": state[f"{layer}.{kind}"]
            for name, layer in zip(names, layers, strict=True)
            for kind in ("weight", "bias")
        }
        torch.save(content, tmp_path / file)
        loaded = load_vgg(tmp_path / file, "caffe").state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_failures_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no VGG-16 weights at .*absent\.pt"):
        load_vgg(tmp_path / "absent.pt", "caffe")
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(CheckpointError, match=r"list\.pt: expected a dict with VGG-16 weights, found a list"):
        load_vgg(tmp_path / "list.pt", "caffe")
    (tmp_path / "text.pt").write_text("not weights", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"text\.pt cannot be read as VGG-16 weights"):
        load_vgg(tmp_path / "text.pt", "caffe")
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "wrong.pt")
    with pytest.raises(
        CheckpointError, match=r"conv1_1\.weight: expected \(64, 3, 3, 3\), found \(64, 3, 5, 5\)"
    ):
        load_vgg(tmp_path / "wrong.pt", "caffe")


@torch.inference_mode()
def test_weights_of_torchvision_see_the_pictures_of_torchvision(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = models.vgg16(weights=None).features.eval()
    torch.save({f"features.{key}": value for key, value in theirs.state_dict().items()}, tmp_path / "tv.pt")
    x = torch.rand(1, 3, 32, 40) * 2 - 1
    wanted = ((x + 1) / 2 - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    # Theirs pools once more, after the fourth block, which the published training leaves out.
    for index, layer in enumerate(theirs[:30]):
        wanted = wanted if index == 23 else layer(wanted)
    found = load_vgg(tmp_path / "tv.pt", "torchvision")(x)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * wanted.abs().max().item())
    assert not torch.allclose(load_vgg(tmp_path / "tv.pt", "caffe")(x), found, rtol=0.1)
