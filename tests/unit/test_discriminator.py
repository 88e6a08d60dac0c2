import pytest
import torch

from tests.unit.golden import DISCRIMINATORS, arrays, discriminators, tensors
from unit.discriminator import Discriminator, DiscriminatorSizes, halve
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


@pytest.mark.parametrize("values", [(0, 4, 3), (8, 0, 3), (8, 4, 0)])
def test_impossible_sizes(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        DiscriminatorSizes(*values)


def pictures() -> dict[str, torch.Tensor]:
    return {"fake": tensors("input2_io.npz")["out_a2b"], "real": tensors("input1_io.npz")["input"]}
