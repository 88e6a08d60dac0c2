import copy
import math

import pytest
import torch
from torch import nn

from benchmarks.plain_unit import PlainTrainer
from tests.unit.golden import CHECKPOINT, discriminators, document, tensors, tiny_settings
from unit.network.checkpoint import load_checkpoint
from unit.network.network import Encoder, UnitLayerNorm
from unit.training.step import Trainer


def crops(seed: int = 0) -> torch.Tensor:
    return torch.rand(2, 3, 16, 20, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_step_reports_the_golden_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    golden, wanted = tensors("update_saved_noise.npz"), document("update_saved_noise.json")
    sizes = {"dim": 8, "n_res": 4, "dis_dim": 8, "n_layer": 4, "num_scales": 3}
    settings = tiny_settings(**sizes, shorter_side=64, crop_height=64, crop_width=64)
    trainer = Trainer(settings)
    pair = load_checkpoint(CHECKPOINT)
    trainer.a.load_state_dict(pair.a.state_dict())
    trainer.b.load_state_dict(pair.b.state_dict())
    for network, start in zip((trainer.dis_a, trainer.dis_b), discriminators(), strict=True):
        network.load_state_dict(start.state_dict())
    # A discriminator that stays as it is lets the generators' losses be compared too.
    monkeypatch.setattr(trainer.dis_optimizer, "step", lambda: None)
    noise = tuple(golden[name] for name in ("n_a", "n_b", "n_a_recon", "n_b_recon"))
    monkeypatch.setattr(trainer, "_noise", lambda *_: noise)
    losses = trainer.step(golden["x_a"], golden["x_b"], 0)
    for name, value in losses.items():
        key = f"loss_{name}" if name.startswith("dis") else f"loss_gen_{name}"
        found = wanted["dis_update" if name.startswith("dis") else "gen_update"][key]
        assert value.item() == pytest.approx(found, rel=1e-5), name
    for part, network in (("a", trainer.a), ("b", trainer.b)):
        gradient = network.get_parameter("dec.model.5.conv.weight").grad
        stored = golden[f"grad.{part}.dec.model.5.conv.weight"]
        # float32 alone, on another processor, is 1.1e-3 away.
        assert (gradient - stored).abs().max() < 3e-3 * stored.abs().max()


@pytest.mark.parametrize("norm", ["none", "batch", "instance", "layer"])
def test_steps_are_those_of_a_plain_implementation(norm: str) -> None:
    settings = tiny_settings(dim=4, dis_dim=3, n_res=2, dis_norm=norm, vgg_w=0.5, weight_decay=0.01)
    ours = Trainer(settings, features=features)
    plain = PlainTrainer(settings, ours, features)
    for iteration in range(3):
        x_a, x_b = crops(iteration), crops(iteration + 10)
        wanted = plain.step(x_a, x_b, ours._noise(iteration, x_a))
        found = ours.step(x_a, x_b, iteration)
        assert found.keys() == wanted.keys()
        for name, value in wanted.items():
            assert found[name].item() == pytest.approx(value.item(), rel=2e-3), (iteration, name)
    # Adam makes much of gradients that are nothing but rounding, as those of a bias in front of a norm.
    for mine, theirs in zip(networks(ours), plain.networks, strict=True):
        state = theirs.state_dict()
        for key, value in mine.state_dict().items():
            if value.ndim == 4:
                assert (value - state[key]).abs().mean() < 0.05 * settings.lr, key


def features(x: torch.Tensor) -> torch.Tensor:
    return nn.functional.avg_pool2d(x, 2).repeat(1, 2, 1, 1).square()


def test_both_kinds_of_network_move_and_judges_gather_no_gradient_from_generators() -> None:
    trainer = Trainer(tiny_settings())
    before = {id(p): p.detach().clone() for n in networks(trainer) for p in n.parameters()}
    trainer.step(crops(1), crops(2), 0)
    for network in networks(trainer):
        moved = [not torch.equal(before[id(p)], p) for p in network.parameters()]
        assert all(moved)
        assert all(p.requires_grad for p in network.parameters())


def networks(trainer: Trainer) -> tuple[nn.Module, ...]:
    return trainer.a, trainer.b, trainer.dis_a, trainer.dis_b


def test_the_schedule_runs_one_ahead() -> None:
    trainer = Trainer(tiny_settings(lr=0.1, step_size=3, gamma=0.5))
    rates = []
    for iteration in range(6):
        trainer._set_learning_rate(iteration)
        rates.append(trainer.gen_optimizer.param_groups[0]["lr"])
    assert rates == [0.1, 0.1, 0.05, 0.05, 0.05, 0.025]


def test_noise_belongs_to_the_iteration() -> None:
    x = crops()
    one, other = Trainer(tiny_settings()), Trainer(tiny_settings())
    other._noise(0, x)
    first = one._noise(5, x)[0]
    assert first.shape == (2, 8, 4, 5)
    assert torch.equal(first, other._noise(5, x)[0])
    assert not torch.equal(first, one._noise(6, x)[0])
    assert not torch.equal(first, one._noise(5, x)[1])
    assert not torch.equal(first, Trainer(tiny_settings(seed=2))._noise(5, x)[0])


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    trainers = [Trainer(tiny_settings(dis_augment=True), threads=threads) for threads in (1, 2, 3)]
    for trainer in trainers:
        for iteration in range(2):
            trainer.step(crops(iteration), crops(iteration + 10), iteration)
    for other in trainers[1:]:
        for mine, theirs in zip(networks(trainers[0]), networks(other), strict=True):
            assert all(torch.equal(p, q) for p, q in zip(mine.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("autocast", ["off", "bfloat16"])
def test_checkpointing_changes_no_bit_and_computes_twice(
    autocast: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers, runs = [], []
    real = Encoder.forward
    for checkpointing in (False, True):
        calls: list[int] = []
        monkeypatch.setattr(Encoder, "forward", lambda self, x, calls=calls: calls.append(1) or real(self, x))
        settings = tiny_settings(autocast=autocast, checkpointing=checkpointing, tied_iterations=1)
        trainer = Trainer(settings, threads=2)
        for iteration in range(3):
            trainer.step(crops(iteration), crops(iteration + 10), iteration)
        trainers.append(trainer)
        runs.append(len(calls))
    assert runs[1] == 2 * runs[0]
    for mine, theirs in zip(networks(trainers[0]), networks(trainers[1]), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(mine.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize(
    ("norm", "augment"),
    [("none", False), ("none", True), ("batch", False), ("instance", False), ("layer", False)],
)
def test_a_batch_moves_the_weights_by_the_mean_gradient(norm: str, augment: bool) -> None:
    # Against one backward pass over the whole batch.
    trainer = Trainer(tiny_settings(dis_norm=norm, dis_augment=augment))
    x_a, x_b = crops(1), crops(2)
    whole = trainer._translate((x_a, x_b, *trainer._noise(0, x_a)))
    losses, target = trainer._judge((whole, trainer._views(0, pieces=1)[0]))
    wanted = torch.autograd.grad(target, list(trainer.dis_b.parameters()))
    found = trainer.step(x_a, x_b, 0)
    assert found["dis_a"].item() == pytest.approx(losses["dis_a"].item(), rel=1e-5)
    for parameter, gradient in zip(trainer.dis_b.parameters(), wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)


def test_initial_weights_are_the_reference_ones() -> None:
    trainer = Trainer(tiny_settings(dim=16, n_res=2, dis_dim=32))
    same = Trainer(tiny_settings(dim=16, n_res=2, dis_dim=32))
    for module, twin in zip(trainer.a.modules(), same.a.modules(), strict=True):
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            assert module.weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.1)
            assert not module.bias.any()
            assert torch.equal(module.weight, twin.weight)
        if isinstance(module, UnitLayerNorm):
            assert 0 <= module.gamma.min() < 0.3
            assert 0.7 < module.gamma.max() <= 1
    assert not torch.equal(trainer.a.dec.model[5].conv.weight, trainer.b.dec.model[5].conv.weight)
    stds = [m.weight.std().item() for m in trainer.dis_a.modules() if isinstance(m, nn.Conv2d)]
    assert stds[:2] == pytest.approx([0.02, 0.02], rel=0.1)


def test_running_mean_of_the_weights() -> None:
    trainer = Trainer(tiny_settings(ema_decay=0.75))
    key = "dec.model.5.conv.weight"
    start = trainer.a.get_parameter(key).detach().clone()
    trainer.step(crops(1), crops(2), 0)
    expected = 0.75 * start + 0.25 * trainer.a.get_parameter(key)
    torch.testing.assert_close(trainer.mean_a.get_parameter(key).detach(), expected.detach())


def test_without_running_mean_the_weights_themselves_are_exported() -> None:
    trainer = Trainer(tiny_settings(ema_decay=0.0))
    trainer.step(crops(1), crops(2), 0)
    for mean, current in zip(trainer.mean_b.parameters(), trainer.b.parameters(), strict=True):
        assert torch.equal(mean, current)


def test_going_on_from_a_state_is_bit_for_bit() -> None:
    settings = tiny_settings(ema_decay=0.9)
    through = Trainer(settings)
    for iteration in range(2):
        through.step(crops(iteration), crops(iteration + 10), iteration)
    resumed = Trainer(settings)
    resumed.load_state(copy.deepcopy(through.state()))
    for trainer in (through, resumed):
        trainer.step(crops(2), crops(12), 2)
    for mine, theirs in zip(networks(through), networks(resumed), strict=True):
        assert all(torch.equal(p, q) for p, q in zip(mine.parameters(), theirs.parameters(), strict=True))


def test_tied_generators_are_one_and_reconstruct_only() -> None:
    trainer = Trainer(tiny_settings(tied_iterations=2, ema_decay=0.5))
    judges = copy.deepcopy(trainer.dis_a.state_dict())
    start = copy.deepcopy(trainer.a.state_dict())
    for iteration in range(2):
        losses = trainer.step(crops(iteration), crops(iteration + 10), iteration)
        assert set(losses) == {"recon_x_a", "recon_x_b", "recon_kl_a", "recon_kl_b", "total"}
        assert all(
            torch.equal(*pair) for pair in zip(trainer.a.parameters(), trainer.b.parameters(), strict=True)
        )
    assert not torch.equal(start["enc.model.0.conv.weight"], trainer.a.enc.model[0].conv.weight)
    assert all(torch.equal(judges[key], value) for key, value in trainer.dis_a.state_dict().items())
    assert "adv_a" in trainer.step(crops(2), crops(12), 2)
    assert not torch.equal(trainer.a.enc.model[0].conv.weight, trainer.b.enc.model[0].conv.weight)


def test_the_perceptual_term_is_trained_on() -> None:
    settings = tiny_settings(vgg_w=1.0)
    losses = Trainer(settings, features=lambda x: nn.functional.avg_pool2d(x, 4)).step(crops(1), crops(2), 0)
    assert {"vgg_a", "vgg_b"} <= losses.keys()
    parts = {"recon_x": 10, "recon_kl": 0.01, "cyc_x": 10, "recon_kl_cyc": 0.01, "adv": 1, "vgg": 1}
    total = sum(
        parts[name.rpartition("_")[0]] * value.item()
        for name, value in losses.items()
        if name != "total" and not name.startswith("dis")
    )
    assert losses["total"].item() == pytest.approx(total, rel=1e-5)


def test_autocast_is_near_the_exact_step() -> None:
    exact, rough = (
        Trainer(tiny_settings(autocast=autocast)).step(crops(1), crops(2), 0)
        for autocast in ("off", "bfloat16")
    )
    for name, value in exact.items():
        assert rough[name].dtype == torch.float32
        assert rough[name].item() == pytest.approx(value.item(), rel=0.05, abs=0.02), name


def test_the_edge_term_brings_edges_of_days_into_their_nights() -> None:
    x_a = crops(1).clamp(-0.5, 0.9)
    x_a[..., ::4] = -0.9
    weights = {"gan_w": 0.0, "recon_x_w": 0.0, "cyc_x_w": 0.0, "lr": 3e-3}
    trainer = Trainer(tiny_settings(edge_w=1.0, **weights))
    losses = [trainer.step(x_a, crops(2), iteration)["edge_b"].item() for iteration in range(40)]
    assert losses[-1] < 0.7 * losses[0]
