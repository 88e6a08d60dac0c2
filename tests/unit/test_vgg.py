from pathlib import Path

import pytest
import torch

from pipeline.core.errors import CheckpointError
from tests.unit.golden import tensors
from unit.vgg import VggFeatures, load_vgg, vgg_input


def test_input_is_bgr_less_the_mean() -> None:
    blocks = tensors("blocks.npz")
    torch.testing.assert_close(vgg_input(blocks["vggpre_x"]), blocks["vggpre_y"], rtol=0, atol=2e-5)


@torch.inference_mode()
def test_pooling_after_three_blocks_only() -> None:
    assert VggFeatures()(torch.zeros(1, 3, 50, 33)).shape == (1, 512, 6, 4)


def test_both_ways_to_name_the_weights(tmp_path: Path) -> None:
    network = VggFeatures()
    state = network.state_dict()
    indices = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    names = list(dict.fromkeys(key.split(".")[0] for key in state))
    renamed = {
        f"features.{index}.{kind}": state[f"{name}.{kind}"]
        for index, name in zip(indices, names, strict=True)
        for kind in ("weight", "bias")
    }
    for file, content in (
        ("own.pt", state),
        ("torchvision.pt", renamed | {"classifier.0.bias": torch.ones(2)}),
    ):
        torch.save(content, tmp_path / file)
        loaded = load_vgg(tmp_path / file).state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_failures_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no VGG-16 weights at .*absent\.pt"):
        load_vgg(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("not weights", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"text\.pt holds no VGG-16 weights"):
        load_vgg(tmp_path / "text.pt")
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 5, 5)}, tmp_path / "wrong.pt")
    with pytest.raises(
        CheckpointError, match=r"conv1_1\.weight: expected \(64, 3, 3, 3\), found \(64, 3, 5, 5\)"
    ):
        load_vgg(tmp_path / "wrong.pt")
