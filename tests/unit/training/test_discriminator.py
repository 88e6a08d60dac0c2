import pytest
import torch
import torch.nn.functional as F

from tests.unit.golden import DISCRIMINATORS, arrays, discriminators, tensors
from unit.training.discriminator import Discriminator, halve
from unit.training.losses import adversarial_loss, discriminator_loss
from unit.training.settings import DiscriminatorSizes

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
    state = Discriminator(DiscriminatorSizes(8, 4, 3, "none")).state_dict()
    assert list(state) == list(expected)
    assert {key: value.shape for key, value in state.items()} == {k: v.shape for k, v in expected.items()}


@torch.inference_mode()
def test_the_smallest_side_leaves_no_map_empty() -> None:
    sizes = DiscriminatorSizes(2, 3, 2, "none")
    side = sizes.smallest_side
    assert [tuple(m.shape) for m in Discriminator(sizes)(torch.zeros(1, 3, side, side))][-1] == (1, 1, 1, 1)


@pytest.mark.parametrize("norm", ["batch", "instance", "layer"])
@torch.no_grad()
def test_norms_stand_from_the_second_convolution_on(norm: str) -> None:
    # Against the same network written out in one line a layer.
    torch.manual_seed(0)
    network = Discriminator(DiscriminatorSizes(4, 3, 2, norm))  # type: ignore[arg-type]
    state = {key: value.normal_() for key, value in network.state_dict().items()}
    network.load_state_dict(state)
    pixels = torch.randn(2, 3, 40, 32)
    found = network(pixels)
    for scale in range(2):
        x = halve(pixels) if scale else pixels
        for layer in range(3):
            key = f"cnns.{scale}.{layer}"
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
            x = F.conv2d(x, state[f"{key}.conv.weight"], state[f"{key}.conv.bias"], stride=2)
            if layer:
                x = NORMS[norm](x, state, f"{key}.norm")
            x = F.leaky_relu(x, 0.2)
        wanted = F.conv2d(x, state[f"cnns.{scale}.3.weight"], state[f"cnns.{scale}.3.bias"])
        torch.testing.assert_close(found[scale], wanted, rtol=1e-4, atol=1e-4)


def batch_normed(x: torch.Tensor, state: dict[str, torch.Tensor], key: str) -> torch.Tensor:
    variance, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0, keepdim=True)
    normed = (x - mean) / (variance + 1e-5).sqrt()
    return normed * state[f"{key}.weight"][:, None, None] + state[f"{key}.bias"][:, None, None]


def instance_normed(x: torch.Tensor, _state: dict[str, torch.Tensor], _key: str) -> torch.Tensor:
    variance, mean = torch.var_mean(x, dim=(2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def layer_normed(x: torch.Tensor, state: dict[str, torch.Tensor], key: str) -> torch.Tensor:
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    std = x.flatten(1).std(1, correction=1)[:, None, None, None]
    return (x - mean) / (std + 1e-5) * state[f"{key}.gamma"][:, None, None] + state[f"{key}.beta"][
        :, None, None
    ]


NORMS = {"batch": batch_normed, "instance": instance_normed, "layer": layer_normed}


def pictures() -> dict[str, torch.Tensor]:
    return {"fake": tensors("input2_io.npz")["out_a2b"], "real": tensors("input1_io.npz")["input"]}
