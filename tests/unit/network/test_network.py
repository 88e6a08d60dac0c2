import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.unit.golden import CHECKPOINT, arrays, document, tensors
from unit.network.checkpoint import GeneratorPair, load_checkpoint
from unit.network.network import ConvBlock, Generator, ResidualBlock, UnitLayerNorm
from unit.network.settings import GeneratorSizes

BLOCKS = tensors("blocks.npz")


@pytest.fixture(scope="module")
def pair() -> GeneratorPair:
    return load_checkpoint(CHECKPOINT)


def near(found: Tensor, wanted: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=tolerance)


def test_layer_norm_is_units_own() -> None:
    norm = UnitLayerNorm(6)
    norm.load_state_dict({"gamma": BLOCKS["ln_gamma"], "beta": BLOCKS["ln_beta"]})
    near(norm(BLOCKS["ln_x"]), BLOCKS["ln_y"], 2e-6)
    near(norm(BLOCKS["ln_x"][:1]), BLOCKS["ln_y_first_alone"], 2e-6)
    # At this scale the place of eps shows.
    near(norm(BLOCKS["ln_x"] * 1e-5), BLOCKS["ln_small_y"], 2e-6)


@pytest.mark.parametrize(
    ("name", "kernel", "stride", "pad", "norm", "activation"),
    [
        ("c7", 7, 1, 3, "instance", "relu"),
        ("c4", 4, 2, 1, "instance", "relu"),
        ("c5", 5, 1, 2, "layer", "relu"),
        ("c3", 3, 1, 1, "instance", "none"),
        ("ct", 7, 1, 3, "none", "tanh"),
        ("cl", 4, 2, 1, "none", "leaky"),
    ],
)
def test_single_blocks(name: str, kernel: int, stride: int, pad: int, norm: str, activation: str) -> None:
    block = ConvBlock((4, 5), kernel, stride, pad, norm, activation)
    state = {"conv.weight": BLOCKS[f"{name}_w"], "conv.bias": BLOCKS[f"{name}_b"]}
    if norm == "layer":
        state |= {"norm.gamma": BLOCKS["c5_gamma"], "norm.beta": BLOCKS["c5_beta"]}
    block.load_state_dict(state)
    near(block(BLOCKS["blk_x"]), BLOCKS[f"{name}_y"], 5e-6)


def test_residual_block() -> None:
    block = ResidualBlock(4)
    state = {}
    for index in "01":
        state[f"model.{index}.conv.weight"] = BLOCKS[f"res_w{index}"]
        state[f"model.{index}.conv.bias"] = BLOCKS[f"res_b{index}"]
    block.load_state_dict(state)
    near(block(BLOCKS["blk_x"]), BLOCKS["res_y"], 5e-6)


def test_upsampling_is_nearest() -> None:
    upsample = Generator(GeneratorSizes(2, 1, 1)).dec.model[1]
    near(upsample(BLOCKS["blk_x"]), BLOCKS["up_y"], 0)


@pytest.mark.parametrize("name", ["input1", "input2"])
@torch.inference_mode()
def test_codes_and_pictures(pair: GeneratorPair, name: str) -> None:
    golden = tensors(f"{name}_io.npz")
    code = pair.a.enc(golden["input"])
    near(code, golden["hidden"], 1e-4)
    near(pair.b.dec(code), golden["out_a2b"], 1e-5)
    near(pair.a.dec(code), golden["recon_a2a"], 1e-5)


@torch.inference_mode()
def test_a_batch_is_normalised_sample_by_sample(pair: GeneratorPair) -> None:
    golden = tensors("batch2_io.npz")
    code = pair.a.enc(golden["input"])
    near(code, golden["hidden"], 1e-4)
    near(pair.b.dec(code), golden["out_a2b"], 1e-5)
    near(pair.b.dec(pair.a.enc(golden["input"][1:])), golden["out_a2b"][1:], 1e-5)


@torch.inference_mode()
def test_tolerances_would_show_the_typical_mistakes(pair: GeneratorPair) -> None:
    # Guards the guards: replicate instead of reflection padding must not pass the image test.
    golden = tensors("input2_io.npz")
    mistakes = document("mutation_effects.json")
    assert min(mistakes[name]["max"] for name in ("replicate padding", "layer norm eps 1e-3")) > 4e-4
    padded = nn.functional.pad(golden["input"], (1, 1, 1, 1), mode="replicate")[:, :, :-2, :-2]
    assert (pair.b.dec(pair.a.enc(padded)) - golden["out_a2b"]).abs().max() > 1e-2


def test_keys_and_their_order_are_the_published_ones() -> None:
    listing = document("gen_listing.json")
    expected = torch.load(CHECKPOINT, weights_only=True)["a"]
    state = Generator(GeneratorSizes(8, 2, 4)).state_dict()
    assert list(state) == list(expected)
    assert [tuple(value.shape) for value in state.values()] == [tuple(v.shape) for v in expected.values()]
    assert len(state) == 48
    assert listing


@settings(max_examples=25)
@given(height=st.integers(8, 41), width=st.integers(8, 41), batch=st.integers(1, 3))
def test_output_sides_are_floored_at_each_halving(height: int, width: int, batch: int) -> None:
    sizes = GeneratorSizes(2, 2, 1)
    network = Generator(sizes)
    with torch.inference_mode():
        y = network.dec(network.enc(torch.zeros(batch, 3, height, width)))
    assert y.shape == (batch, 3, 4 * (height // 2 // 2), 4 * (width // 2 // 2))


@pytest.mark.parametrize("n_downsample", [1, 2, 3])
def test_the_smallest_side_is_the_smallest(n_downsample: int) -> None:
    sizes = GeneratorSizes(2, n_downsample, 1)
    network = Generator(sizes)
    side = sizes.smallest_side
    with torch.inference_mode():
        assert network.dec(network.enc(torch.zeros(1, 3, side, side))).shape == (1, 3, side, side)
        with pytest.raises((RuntimeError, ValueError)):
            network.dec(network.enc(torch.zeros(1, 3, side - 1, side - 1)))


@pytest.mark.parametrize("values", [(0, 2, 4), (8, 0, 4), (8, 2, 0)])
def test_impossible_sizes(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        GeneratorSizes(*values)


def test_batch2_golden_is_really_two_pictures() -> None:
    golden = arrays("batch2_io.npz")["input"]
    assert golden.shape[0] == 2
    assert abs(golden[0] - golden[1]).max() > 0.1
