import pytest
import torch

from tests.unit.golden import CHECKPOINT, discriminators, document, tensors, tiny_settings
from unit.network.checkpoint import GeneratorPair, load_checkpoint
from unit.training import losses
from unit.training.losses import (
    Noise,
    Translations,
    discriminator_loss,
    edge_loss,
    generator_losses,
    perceptual_loss,
    total_loss,
    translate_both_ways,
)

CASES = ["update_zero_noise", "update_saved_noise"]
# Those of the published training.
SETTINGS = tiny_settings()
NONE = dict.fromkeys(("gan_w", "recon_x_w", "recon_kl_w", "cyc_x_w", "recon_kl_cyc_w"), 0.0)


@pytest.fixture(scope="module", params=CASES)
def update(request: pytest.FixtureRequest) -> "Update":
    return Update(request.param)


class Update:
    """One golden update: its losses, and the generators with their gradients."""

    def __init__(self, name: str) -> None:
        self.document = document(f"{name}.json")
        self.golden = tensors(f"{name}.npz")
        self.pair: GeneratorPair = load_checkpoint(CHECKPOINT)
        for network in (self.pair.a, self.pair.b):
            network.requires_grad_(True)
        x_a, x_b = self.golden["x_a"], self.golden["x_b"]
        self.translations: Translations = translate_both_ways(
            self.pair.a, self.pair.b, x_a, x_b, self.noise()
        )
        dis_a, dis_b = discriminators()
        self.dis_losses = {
            "a": discriminator_loss(dis_a, self.translations.x_ba.detach(), x_a),
            "b": discriminator_loss(dis_b, self.translations.x_ab.detach(), x_b),
        }
        self.losses = generator_losses(self.translations, dis_a, dis_b, None)
        self.total = total_loss(self.losses, SETTINGS)
        self.total.backward()

    def noise(self) -> Noise:
        if "n_a" in self.golden:
            return Noise(*(self.golden[name] for name in ("n_a", "n_b", "n_a_recon", "n_b_recon")))
        n, _, height, width = self.golden["x_a"].shape
        return Noise(*(torch.zeros(n, 32, height // 4, width // 4) for _ in range(4)))


def test_every_loss_term(update: Update) -> None:
    wanted = update.document["gen_update"]
    for name, loss in update.losses.items():
        assert loss.item() == pytest.approx(wanted[f"loss_gen_{name}"], rel=1e-5), name
    assert update.total.item() == pytest.approx(wanted["loss_gen_total"], rel=1e-6)
    assert update.total.item() == pytest.approx(
        update.document["gen_update_float64"]["loss_gen_total"], rel=1e-5
    )


def test_discriminator_losses(update: Update) -> None:
    wanted = update.document["dis_update"]
    for part, loss in update.dis_losses.items():
        assert loss.item() == pytest.approx(wanted[f"loss_dis_{part}"], rel=1e-5)
    assert sum(loss.item() for loss in update.dis_losses.values()) == pytest.approx(
        wanted["loss_dis_total"], rel=1e-5
    )


def test_gradient_norms(update: Update) -> None:
    wanted = update.document["grad_l2_norm_float64"]
    seen = 0
    for part, network in (("a", update.pair.a), ("b", update.pair.b)):
        for key, parameter in network.named_parameters():
            norm = wanted.pop(f"{part}.{key}")
            assert parameter.grad is not None
            if norm < 1e-9:
                # A bias in front of an instance norm has no effect, so only rounding is left.
                assert parameter.grad.norm() < 1e-4
                continue
            tolerance = 1e-2 if f"{part}.{key}" == "a.enc.model.0.conv.weight" else 1.5e-3
            assert parameter.grad.norm().item() == pytest.approx(norm, rel=tolerance), key
            seen += 1
    assert seen > 50
    assert not wanted


def test_some_gradients_in_full(update: Update) -> None:
    stored = {key.removeprefix("grad."): value for key, value in update.golden.items() if "grad." in key}
    assert len(stored) == 12
    for key, wanted in stored.items():
        part, _, name = key.partition(".")
        parameter = getattr(update.pair, part).get_parameter(name)
        assert (parameter.grad - wanted).abs().max() < 3e-3 * wanted.abs().max(), key


def test_perceptual_loss() -> None:
    blocks = tensors("blocks.npz")
    found = perceptual_loss(blocks["vggloss_f1"], blocks["vggloss_f2"])
    assert found.item() == pytest.approx(float(blocks["vggloss_value"]), rel=1e-5)


def test_perceptual_terms_compare_each_translation_with_its_source(update: Update) -> None:
    t = update.translations
    x_a, x_b = update.golden["x_a"], update.golden["x_b"]
    losses = generator_losses(t, *discriminators(), lambda x: x)
    assert losses["vgg_a"].item() == pytest.approx(perceptual_loss(t.x_ba, x_b).item())
    assert losses["vgg_b"].item() == pytest.approx(perceptual_loss(t.x_ab, x_a).item())
    weighted = tiny_settings(**NONE, vgg_w=2.0)
    assert total_loss(losses, weighted).item() == pytest.approx(
        2 * (losses["vgg_a"] + losses["vgg_b"]).item(), rel=1e-6
    )


def street(seed: int = 0) -> torch.Tensor:
    """An image (1, 3, 48, 64) of bright and dark rectangles."""
    rng = torch.Generator().manual_seed(seed)
    blocks = torch.rand(1, 1, 6, 8, generator=rng) * 1.6 - 0.8
    return blocks.repeat_interleave(8, 2).repeat_interleave(8, 3).expand(1, 3, 48, 64).clone()


def brightness(x: torch.Tensor) -> torch.Tensor:
    return (x + 1) / 2


def test_edges_are_the_same_under_a_smooth_light_and_with_sides_swapped() -> None:
    day = street()
    light = torch.linspace(0.4, 0.8, 64)
    lit = brightness(day) * light * 2 - 1
    other = edge_loss(street(1), day)
    assert edge_loss(day, day) == 0
    assert edge_loss(lit, day) < 0.1 * other
    assert edge_loss(-day, day) < 0.4 * other
    assert edge_loss(day, lit) == edge_loss(lit, day)


def test_lost_edges_and_made_up_ones_cost() -> None:
    day, flat = street(), torch.full((1, 3, 48, 64), -0.7)
    lost, made_up = edge_loss(flat, day), edge_loss(day, flat)
    assert lost == made_up
    # About a quarter of the pixels are beside an edge, at most 1 each.
    assert 0.1 < lost < 0.5
    half = flat.clone()
    half[..., :32] = day[..., :32]
    assert edge_loss(half, day) == pytest.approx(lost.item() / 2, rel=0.3)


def test_edges_written_out() -> None:
    pair = [street(seed)[:, :, 5:9, 5:9] for seed in (0, 1)]

    def tensor_at(x: torch.Tensor, row: int, column: int) -> torch.Tensor:
        log = (brightness(x[0].mean(0)) + 0.05).log()
        around = log[row - 1 : row + 2, column - 1 : column + 2]
        smooth = torch.tensor([0.25, 0.5, 0.25])
        g = torch.stack([smooth @ (around[:, 2] - around[:, 0]), smooth @ (around[2] - around[0])]) / 2
        return torch.outer(g, g) / (g.square().sum() + 0.01)

    wanted = [
        (tensor_at(pair[0], row, column) - tensor_at(pair[1], row, column)).square().sum()
        for row in (1, 2)
        for column in (1, 2)
    ]
    assert edge_loss(*pair).item() == pytest.approx(torch.stack(wanted).mean().item(), rel=1e-4)


def test_the_edge_term_is_of_the_nights_made_of_days(update: Update) -> None:
    x_a = update.golden["x_a"]
    losses = generator_losses(update.translations, *discriminators(), None, edges=True)
    assert losses["edge_b"].item() == pytest.approx(edge_loss(update.translations.x_ab, x_a).item())
    assert "edge_b" not in update.losses
    weighted = tiny_settings(**NONE, edge_w=3.0)
    assert total_loss(losses, weighted).item() == pytest.approx(3 * losses["edge_b"].item(), rel=1e-6)


def test_edges_seen_first_without_gradients_have_them_later() -> None:
    losses._sobel.cache_clear()
    day = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        edge_loss(day, day)
    night = torch.rand(1, 3, 8, 8, requires_grad=True)
    edge_loss(night, day).backward()
    assert night.grad is not None
    assert night.grad.abs().sum() > 0
