"""Files that hold no generator, or a broken one, are refused by what they are."""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pipeline.runtime.errors import CheckpointError, ParameterError
from tests.unit.generators.files import DATA, PUBLISHED, file_of, picture, written
from tests.unit.generators.plain import LAYOUTS, drawn, plain_resnet
from tests.unit.golden import CHECKPOINT, DISCRIMINATORS
from unit.network.settings import UnitSettings
from unit.translation.networks import holds_unit, network_of
from unit.translation.translate import UnitTranslator

State = dict[str, Tensor]


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        network_of(path, PUBLISHED, "cpu")
    assert caught.value.exit_code == 2
    assert caught.value.hint
    assert str(path) in caught.value.message
    return caught.value.message


def refusal_of(content: Any, folder: Path) -> str:
    torch.save(content, folder / "given.pth")
    return refusal(folder / "given.pth")


def changed(layout: str, change: Callable[[State], object], folder: Path) -> str:
    state = drawn(LAYOUTS[layout]()).state_dict()
    change(state)
    return refusal_of(dict(state), folder)


class Exploit:
    """A pickle that would run a command when opened."""

    def __reduce__(self) -> tuple[object, ...]:
        return (eval, ("1/0",))


OTHERS: dict[str, tuple[Any, str]] = {
    "discriminator": ({"model.0.weight": torch.zeros(4, 3, 4, 4)}, "a discriminator, which only training"),
    "pix2pix discriminator": ({"model.0.weight": torch.zeros(4, 6, 4, 4)}, "a discriminator"),
    "pixel discriminator": ({"net.0.weight": torch.zeros(4, 3, 1, 1)}, "a discriminator"),
    "CUT's netF": ({"mlp_0.0.weight": torch.zeros(4, 3)}, "CUT's netF, which only its training needs"),
    "stylegan2": ({"encoder.convs.1.0.weight": torch.zeros(1)}, "CUT's stylegan2 generator"),
    "resnet_cat": ({"enc_content.model.0.conv.weight": torch.zeros(1)}, "CUT's resnet_cat"),
    "half a UNIT": (
        {"enc.model.0.conv.weight": torch.zeros(4, 3, 7, 7)},
        "only one of UNIT's two generators",
    ),
    "before July 2017": ({"model.0.weight": torch.zeros(4, 3, 7, 7)}, "from before July 2017"),
    "PReLU": (
        {"model.1.weight": torch.zeros(4, 3, 7, 7), "model.3.weight": torch.zeros(1)},
        "a network with PReLU, as ComboGAN's",
    ),
    "torchvision": ({"layer1.0.conv1.weight": torch.zeros(1)}, "weights of a VPR model or a classifier"),
    "a backbone in a model": ({"backbone.features.0.weight": torch.zeros(1)}, "weights of a VPR model"),
    "timm": ({"blocks.0.0.conv_dw.weight": torch.zeros(1)}, "weights of a VPR model"),
    "optimizer": ({"state": {}, "param_groups": []}, "the state of an optimizer, which only training needs"),
    "gandtr's learning": ({"epoch": 3, "model_state": {"x": 1}}, "no state dict .* but a dict with x"),
    "gandtr's recogniser": (
        {
            "type": "SingleNetwork",
            "network_params": {"model": {"architecture": "cirnet"}},
            "model_state": {"features.0.weight": torch.zeros(1)},
        },
        "a network of the architecture cirnet",
    ),
    "a run's state": ({"epoch": 3, "net": {}}, "no state dict .* but a dict with epoch, net"),
    "a list": ([torch.zeros(1)], "no state dict .* but list"),
    "nothing": ({}, "no state dict .* but a dict with nothing"),
    "anything": ({"x.weight": torch.zeros(1)}, "no known generator; its first keys are x.weight"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_it_is_instead_is_said(name: str, tmp_path: Path) -> None:
    content, said = OTHERS[name]
    assert re.search(said, refusal_of(content, tmp_path))
    assert "is not a supported generator: it contains" in refusal(tmp_path / "given.pth")


def test_other_files_of_unit_are_still_called_so() -> None:
    assert "contains discriminators" in refusal(DISCRIMINATORS)


@pytest.mark.parametrize("first", ["model.1.weight", "model.model.0.weight"])
@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_of_other_channels(first: str, channels: int, tmp_path: Path) -> None:
    side = 7 if first == "model.1.weight" else 4
    message = refusal_of({first: torch.zeros(4, channels, side, side)}, tmp_path)
    assert f"a generator for images of {channels} channels (input_nc), not 3" in message


@pytest.mark.parametrize("layout", ["cyclegan", "hedngan", "unet"])
def test_all_that_is_wrong_is_named(layout: str, tmp_path: Path) -> None:
    def spoil(state: State) -> None:
        first, *_, last = [key for key in state if key.endswith("weight") and state[key].ndim == 4]
        state[first].flatten()[0] = float("nan")
        del state[last.replace("weight", "bias")]
        state[last] = state[last][..., :2]
        state["head.weight"] = torch.zeros(2)

    message = changed(layout, spoil, tmp_path)
    assert re.search(
        r"is almost a (ResNet generator of width 4, 2 blocks|U-Net of width 2, 5 halvings)", message
    )
    for words in (
        "bias is missing",
        "head.weight is unknown",
        "has the shape",
        "values that are NaN or infinite",
    ):
        assert words in message


def test_integers_are_no_weights(tmp_path: Path) -> None:
    message = changed(
        "cyclegan", lambda state: state.update({"model.4.bias": torch.zeros(8, dtype=torch.int64)}), tmp_path
    )
    assert "model.4.bias must hold floating-point numbers, found torch.int64" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda value: value.to_sparse(), "torch.sparse_coo"),
        (lambda value: value.to("meta"), "a shape without values"),
    ],
)
def test_tensors_without_plain_values_are_no_weights(
    change: Callable[[Tensor], Tensor], said: str, tmp_path: Path
) -> None:
    key = "model.4.weight"
    message = changed("cyclegan", lambda state: state.update({key: change(state[key])}), tmp_path)
    assert f"{key} must hold floating-point numbers, found {said}" in message


def test_statistics_that_a_batch_norm_lacks(tmp_path: Path) -> None:
    message = changed("hedngan", lambda state: state.pop("model.2.running_var"), tmp_path)
    assert "model.2.running_var is missing" in message


@pytest.mark.parametrize("key", ["model.7.filt", "model.14.filt"])
def test_a_changed_filter_is_noticed(key: str, tmp_path: Path) -> None:
    assert f"{key} differs from CUT's filter" in changed("cut", lambda state: state[key].mul_(1.1), tmp_path)


@pytest.mark.parametrize("content", [Exploit(), {"model.1.weight": Exploit()}])
def test_a_pickle_with_code_is_not_opened(content: object, tmp_path: Path) -> None:
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(content))
    assert "is not a checkpoint that is safe to open" in refusal(tmp_path / "plain.pth")
    assert "is not a checkpoint that is safe to open" in refusal_of(content, tmp_path)


@pytest.mark.parametrize("name", ["container_plain.pth", "container_stats2018.pth"])
@pytest.mark.parametrize("share", [0.0005, 0.3, 0.95, 0.9999])
def test_truncated_files(name: str, share: float, tmp_path: Path) -> None:
    data = (DATA / name).read_bytes()
    (tmp_path / "given.pth").write_bytes(data[: int(len(data) * share)])
    message = refusal(tmp_path / "given.pth")
    assert "cannot be read" in message or "is not a checkpoint" in message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        network_of(tmp_path / "gone.pth", PUBLISHED, "cpu")


@pytest.mark.parametrize("name", ["state_dict", "netG", "params_ema"])
def test_the_only_generator_among_other_things_is_taken(name: str, tmp_path: Path) -> None:
    network = drawn(plain_resnet())
    others = {"epoch": 3, "netD": {"model.0.weight": torch.zeros(4, 3, 4, 4)}, "optimizer": {"state": {}}}
    state = {f"module.{key}": value for key, value in network.state_dict().items()}
    torch.save({**others, name: state}, tmp_path / "given.pth")
    plain = written(tmp_path / "plain.pth", network)
    pixels = picture(32, 24)
    both = [UnitTranslator(path, PUBLISHED)(pixels) for path in (plain, tmp_path / "given.pth")]
    assert (both[0] == both[1]).all()


def test_of_several_generators_none_is_taken(tmp_path: Path) -> None:
    state = drawn(plain_resnet()).state_dict()
    torch.save({"netG_A": state, "netG_B": state}, tmp_path / "given.pth")
    with pytest.raises(CheckpointError, match="contains 2 generators: netG_A, netG_B") as caught:
        network_of(tmp_path / "given.pth", PUBLISHED, "cpu")
    assert "torch.load('given.pth')['netG_A']" in caught.value.hint


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."])
def test_prefixes_come_off(prefix: str, tmp_path: Path) -> None:
    state = drawn(plain_resnet()).state_dict()
    torch.save({prefix + key: value for key, value in state.items()}, tmp_path / "given.pth")
    plain = written(tmp_path / "plain.pth", drawn(plain_resnet()))
    pixels = picture(32, 24)
    both = [UnitTranslator(path, PUBLISHED)(pixels) for path in (plain, tmp_path / "given.pth")]
    assert (both[0] == both[1]).all()


def test_gandtrs_container_is_opened(tmp_path: Path) -> None:
    network = drawn(LAYOUTS["hedngan"]())
    model = {"architecture": "official_resnet_generator", "n_blocks": 2, "norm_layer": "batch"}
    about = {"type": "SingleNetwork", "frozen": False, "network_params": {"model": model, "runtime": {}}}
    nested = written(tmp_path / "generator_X.pth", network, **about)
    pixels = picture(32, 24)
    plain = UnitTranslator(written(tmp_path / "plain.pth", network), PUBLISHED)(pixels)
    assert (UnitTranslator(nested, PUBLISHED)(pixels) == plain).all()


def test_unit_is_told_from_others(tmp_path: Path) -> None:
    assert holds_unit(CHECKPOINT)
    assert not holds_unit(file_of("cyclegan", tmp_path))
    assert not holds_unit(DATA / "container_gpu.pth")


@pytest.mark.parametrize(
    ("layout", "change", "said"),
    [
        ("cyclegan", {"norm_statistics": "image"}, "norm_statistics: image has no effect on"),
        ("norm none", {"norm_statistics": "image"}, "a ResNet generator with no norm"),
        ("cyclegan", {"dropout": "on"}, "a generator without dropout"),
        ("hedngan", {"size_multiple": 4}, "size_multiple: 4 has no effect on"),
        ("unet", {"size_multiple": 32}, "a U-Net with batch norm"),
    ],
)
def test_choices_that_mean_nothing(layout: str, change: dict[str, Any], said: str, tmp_path: Path) -> None:
    settings = UnitSettings(**PUBLISHED.record() | change)
    with pytest.raises(ParameterError, match=said) as caught:
        network_of(file_of(layout, tmp_path), settings, "cpu")
    assert caught.value.hint == "remove it"


def test_unit_has_none_of_these_choices() -> None:
    for change in ({"norm_statistics": "image"}, {"dropout": "on"}, {"size_multiple": 4}):
        settings = UnitSettings(**PUBLISHED.record() | {"shorter_side": 32} | change)  # type: ignore[arg-type]
        with pytest.raises(ParameterError, match="a UNIT pair"):
            network_of(CHECKPOINT, settings, "cpu")


def test_plain_names_are_not_all(tmp_path: Path) -> None:
    # A sequence that has a generator's first layer and nothing else of it.
    message = refusal_of({"model.1.weight": nn.Conv2d(3, 4, 7).weight.detach()}, tmp_path)
    assert "is almost a ResNet generator of width 4, 0 blocks and no norm, but:" in message
    assert "model.4.weight is missing" in message
