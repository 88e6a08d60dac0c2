from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.unit.golden import CHECKPOINT, LEGACY, arrays, tensors
from unit.network.checkpoint import load_checkpoint
from unit.network.network import ConvBlock, Generator
from unit.network.settings import GeneratorSizes
from unit.translation.inference import Inference


def seeded(sizes: GeneratorSizes, seed: int = 0) -> Generator:
    """A generator of drawn weights, those of norms and biases too."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = Generator(sizes)
        for value in generator.parameters():
            nn.init.kaiming_normal_(value) if value.ndim == 4 else nn.init.normal_(value)
    return generator.requires_grad_(requires_grad=False)


def pictures(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


@torch.inference_mode()
def difference(sizes: GeneratorSizes, x: Tensor) -> float:
    a, b = seeded(sizes, 1), seeded(sizes, 2)
    found, wanted = Inference(a.enc, b.dec, torch.float32)(x), b.dec(a.enc(x))
    assert found.shape == wanted.shape
    return (found - wanted).abs().max().item()


@pytest.mark.parametrize("checkpoint", [CHECKPOINT, LEGACY], ids=["new", "legacy"])
@pytest.mark.parametrize("name", ["input1", "input2"])
def test_goldens_in_float32(name: str, checkpoint: object) -> None:
    golden = tensors(f"{name}_io.npz")
    pair = load_checkpoint(checkpoint)  # type: ignore[arg-type]
    network = Inference(pair.a.enc, pair.b.dec, torch.float32)
    torch.testing.assert_close(network.encode(golden["input"]), golden["hidden"], rtol=0, atol=1e-4)
    torch.testing.assert_close(network(golden["input"]), golden["out_a2b"], rtol=0, atol=1e-5)
    same = Inference(pair.a.enc, pair.a.dec, torch.float32)
    torch.testing.assert_close(same(golden["input"]), golden["recon_a2a"], rtol=0, atol=1e-5)


def test_golden_of_two_pictures_at_once() -> None:
    golden = tensors("batch2_io.npz")
    pair = load_checkpoint(CHECKPOINT)
    network = Inference(pair.a.enc, pair.b.dec, torch.float32)
    torch.testing.assert_close(network.encode(golden["input"]), golden["hidden"], rtol=0, atol=1e-4)
    torch.testing.assert_close(network(golden["input"]), golden["out_a2b"], rtol=0, atol=1e-5)


@settings(max_examples=30)
@given(
    dim=st.integers(1, 4),
    n_downsample=st.integers(1, 3),
    n_res=st.integers(1, 2),
    number=st.integers(1, 2),
    height=st.integers(16, 41),
    width=st.integers(16, 41),
)
def test_any_size_gives_the_numbers_of_the_plain_network(
    dim: int, n_downsample: int, n_res: int, number: int, height: int, width: int
) -> None:
    sizes = GeneratorSizes(dim, n_downsample, n_res)
    # A layer norm over few values can be nearly zero in its deviation, which makes rounding large.
    assert difference(sizes, pictures(number, 3, height, width)) < 1e-3


def test_the_smallest_picture() -> None:
    for n_downsample in (1, 2, 3):
        sizes = GeneratorSizes(3, n_downsample, 1)
        side = sizes.smallest_side
        assert difference(sizes, pictures(1, 3, side, side)) < 1e-4


def test_the_edges_are_as_near_as_the_rest() -> None:
    a, b = seeded(GeneratorSizes(4, 2, 1), 1), seeded(GeneratorSizes(4, 2, 1), 2)
    block = b.dec.model[2]
    assert isinstance(block, ConvBlock)
    code = a.enc(pictures(1, 3, 40, 48))
    wanted = block(nn.functional.interpolate(code, scale_factor=2))
    found = Inference(a.enc, b.dec, torch.float32).up[0](code)
    error = (found - wanted).abs()[0].amax(0)
    inner = error[2:-2, 2:-2].max()
    assert error.max() <= 2 * inner + 1e-6
    assert error.max() < 1e-5


def test_one_colour_is_no_division_by_nothing() -> None:
    a, b = seeded(GeneratorSizes(2, 2, 1), 1), seeded(GeneratorSizes(2, 2, 1), 2)
    flat = torch.zeros(1, 3, 16, 16)
    found, wanted = Inference(a.enc, b.dec, torch.float32)(flat), b.dec(a.enc(flat))
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-3)


def test_the_generators_are_left_as_they_were() -> None:
    pair = load_checkpoint(CHECKPOINT)
    before = {name: value.clone() for name, value in pair.a.state_dict().items()}
    Inference(pair.a.enc, pair.a.dec, torch.bfloat16)(pictures(1, 3, 16, 16))
    for name, value in pair.a.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, before[name])


def test_bfloat16_of_a_wide_net_is_near() -> None:
    a, b = seeded(GeneratorSizes(64, 2, 4), 1), seeded(GeneratorSizes(64, 2, 4), 2)
    x = torch.from_numpy(arrays("input1_io.npz")["input"])
    with torch.inference_mode():
        wanted = b.dec(a.enc(x))
        found = Inference(a.enc, b.dec, torch.bfloat16)(x)
    assert found.dtype == torch.float32
    # Peak to peak is 2.
    assert 10 * torch.log10(4 / (found - wanted).square().mean()) > 40
