import pytest
import torch

from tests.unit.golden import DISCRIMINATORS, arrays, discriminators, tensors
from unit.discriminator import Discriminator, DiscriminatorSizes, Norm, halve
from unit.losses import adversarial_loss, discriminator_loss

GOLDEN = tensors("discriminator_io.npz")
PARTS = {"a": 0, "b": 1}


@pytest.mark.parametrize(("part", "kind"), [("a", "fake"), ("a", "real"), ("b", "real")])
@torch.inference_mode()
def test_maps_of_all_scales(part: str, kind: str) -> None:
    maps = discriminators()[PARTS[part]](pictures()[kind])
    assert len(maps) == 3
    for scale, scores in enumerate(maps):
        wanted = GOLDEN[f"dis_{part}_{kind}_scale{scale}"]
        torch.testing.assert_close(scores, wanted, rtol=1e-5, atol=1e-5)


@torch.inference_mode()
def test_padding_does_not_count_when_halving() -> None:
    once = halve(pictures()["real"])
    torch.testing.assert_close(once, GOLDEN["real_down_1"], rtol=0, atol=1e-6)
    torch.testing.assert_close(halve(once), GOLDEN["real_down_2"], rtol=0, atol=1e-6)
    blocks = tensors("blocks.npz")
    torch.testing.assert_close(halve(blocks["blk_x"]), blocks["down_y"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("part", PARTS)
@torch.inference_mode()
def test_losses(part: str) -> None:
    judge = discriminators()[PARTS[part]]
    fake, real = pictures()["fake"], pictures()["real"]
    golden = arrays("discriminator_io.npz")
    wanted = float(golden[f"calc_dis_loss_{part}"])
    assert discriminator_loss(judge, fake, real).item() == pytest.approx(wanted, rel=1e-6)
    assert adversarial_loss(judge, fake).item() == pytest.approx(
        float(golden[f"calc_gen_loss_{part}"]), rel=1e-6
    )


def test_keys_are_the_published_ones() -> None:
    expected = torch.load(DISCRIMINATORS, weights_only=True)["b"]
    state = Discriminator(DiscriminatorSizes(8, 4, 3)).state_dict()
    assert list(state) == list(expected)
    assert {key: value.shape for key, value in state.items()} == {k: v.shape for k, v in expected.items()}


@torch.inference_mode()
def test_the_smallest_side_leaves_no_map_empty() -> None:
    sizes = DiscriminatorSizes(2, 3, 2)
    side = sizes.smallest_side
    assert [tuple(m.shape) for m in Discriminator(sizes)(torch.zeros(1, 3, side, side))][-1] == (1, 1, 1, 1)


def naive_norm(x: torch.Tensor, norm: str, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """Each norm written out; scale and shift are `weights` where it has any."""
    if norm == "layer":
        over = (1, 2, 3)
        x = (x - x.mean(over, keepdim=True)) / (x.std(over, keepdim=True) + 1e-5)
    else:
        over = (0, 2, 3) if norm == "batch" else (2, 3)  # type: ignore[assignment]
        x = (x - x.mean(over, keepdim=True)) / (x.var(over, unbiased=False, keepdim=True) + 1e-5).sqrt()
    for key, apply in (("gamma", torch.mul), ("weight", torch.mul), ("beta", torch.add), ("bias", torch.add)):
        if f"norm.{key}" in weights:
            x = apply(x, weights[f"norm.{key}"][:, None, None])
    return x


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
@torch.inference_mode()
def test_norms_are_of_all_convolutions_but_the_first_and_the_last(norm: Norm) -> None:
    torch.manual_seed(0)
    judge = Discriminator(DiscriminatorSizes(2, 3, 1, norm)).double()
    for name, value in judge.named_parameters():
        if ".norm." in name:
            value.copy_(torch.rand_like(value) + 0.5)
    x = torch.rand(1 if norm == "batch" else 2, 3, 32, 40, dtype=torch.float64)
    (found,) = judge(x)
    state = judge.state_dict()
    assert any(".norm." in key for key in state) == (norm != "instance")
    for layer in range(3):
        prefix = f"cnns.0.{layer}."
        own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
        x = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
        x = torch.nn.functional.conv2d(x, own["conv.weight"], own["conv.bias"], stride=2)
        if layer:
            x = naive_norm(x, norm, own)
        x = torch.where(x > 0, x, 0.2 * x)
    wanted = torch.nn.functional.conv2d(x, state["cnns.0.3.weight"], state["cnns.0.3.bias"])
    # The layer norm takes its statistics in float32.
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-7 if norm == "layer" else 1e-12)


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
@torch.inference_mode()
def test_with_a_norm_the_smallest_side_leaves_it_more_than_one_value(norm: Norm) -> None:
    sizes = DiscriminatorSizes(2, 3, 2, norm)
    side = sizes.smallest_side
    x = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    *_, coarsest = Discriminator(sizes)(x)
    assert tuple(coarsest.shape) == (1, 1, 2, 2)
    assert coarsest.std() > 0


def test_an_unknown_norm() -> None:
    with pytest.raises(ValueError, match="norm must be one of none, batch, instance, layer, not 'group'"):
        DiscriminatorSizes(8, 4, 3, "group")  # type: ignore[arg-type]


@pytest.mark.parametrize("values", [(0, 4, 3), (8, 0, 3), (8, 4, 0)])
def test_impossible_sizes(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        DiscriminatorSizes(*values)


def pictures() -> dict[str, torch.Tensor]:
    return {"fake": tensors("input2_io.npz")["out_a2b"], "real": tensors("input1_io.npz")["input"]}
