"""The networks and optimizers of a training run, and one iteration of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from pipeline.compute.device.precision import autocast, numbers_of
from pipeline.compute.device.transfer import to_device
from pipeline.compute.distributed.group import ALONE, Group
from unit.network.network import Generator
from unit.training.discriminator_views import DRAWN, LOOKS, Views
from unit.training.initial_weights import initial_discriminator, initial_generator, seeded
from unit.training.losses import (
    Features,
    Noise,
    Translations,
    code_loss,
    discriminator_loss,
    generator_losses,
    kept,
    l1,
    recomputed,
    total_loss,
    translate_both_ways,
)
from unit.training.settings import TrainSettings

# Purposes of the random series of a seed.
_INITIAL_WEIGHTS, _NOISE, _VIEWS = 10, 11, 12


# x_a, x_b and the noise of some images of a batch.
Part = tuple[Tensor, ...]
# The translations of some images of a batch, and the discriminators' views of them.
Attempt = tuple[Translations, Views]
Item = TypeVar("Item")


class Trainer:
    """Generators and discriminators of both domains with their optimizers; a = day, b = night.

    `threads` images are computed in parallel, which does not change a bit of the result. Each process of
    `group` computes its share of the images; sums over the batch go over all processes. There is no random
    state: the noise of an iteration is seeded by its number, so `state` is all that is needed to resume.
    """

    def __init__(
        self,
        settings: TrainSettings,
        device: str = "cpu",
        features: Features | None = None,
        threads: int = 1,
        group: Group = ALONE,
    ) -> None:
        self.settings = settings
        self.group = group
        self._threads = ThreadPoolExecutor(threads)
        self.device = torch.device(device)
        self._numbers = numbers_of(self.device, settings.autocast)
        self.features = features
        self._through = recomputed if settings.checkpointing else kept
        rng = seeded(settings.seed, _INITIAL_WEIGHTS, 0)
        self.a, self.b = (self._placed(initial_generator(settings, rng)) for _ in "ab")
        if settings.tied_iterations:
            self.b.load_state_dict(self.a.state_dict())
        self.dis_a, self.dis_b = (self._placed(initial_discriminator(settings, rng)) for _ in "ab")
        for network in (self.a, self.b, self.dis_a, self.dis_b):
            # Other kinds of processors may round random weights differently.
            group.follow_first(network)
        self.gen_optimizer = self._adam(self.a, self.b)
        self.dis_optimizer = self._adam(self.dis_a, self.dis_b)
        # The running mean of the weights, with the same keys as the generators.
        self.mean_a, self.mean_b = (self._placed(Generator(settings.generator)) for _ in "ab")
        self.mean_a.load_state_dict(self.a.state_dict())
        self.mean_b.load_state_dict(self.b.state_dict())

    def _placed(self, module: Any) -> Any:
        # Convolution kernels need channels last; they would convert other layouts each time.
        return module.to(self.device, memory_format=torch.channels_last)

    def _adam(self, *modules: nn.Module) -> torch.optim.Adam:
        s = self.settings
        parameters = [parameter for module in modules for parameter in module.parameters()]
        return torch.optim.Adam(
            parameters, lr=s.lr, betas=(s.beta1, s.beta2), weight_decay=s.weight_decay, fused=True
        )

    def step(self, x_a: Tensor, x_b: Tensor, iteration: int) -> dict[str, Tensor]:
        """One update of the discriminators, then one of the generators; x_a, x_b are (N, 3, H, W) in -1..1.

        They are this process's share of the batch; for a single process, all of it. `iteration` counts from
        0. Returns the loss terms by name. Both updates use the same translations: the generators do not
        change between them, so translating twice would only use other noise. In a tied iteration there is
        only one update, the same for both generators, to reconstruct.
        """
        self._set_learning_rate(iteration)
        x_a, x_b = to_device(x_a, self.device), to_device(x_b, self.device)
        noise = self._noise(iteration, x_a)
        # On a CPU one image of each domain at a time, so that sums do not depend on the number of threads.
        # A batch norm needs all of them at once.
        alone = self.device.type == "cpu" and self.settings.dis_norm != "batch"
        pieces = len(x_a) if alone else 1
        # Number of such pieces in the whole batch.
        whole = pieces * self.settings.batch / len(x_a)
        parts = [tuple(x.chunk(pieces)[index] for x in (x_a, x_b, *noise)) for index in range(pieces)]
        if iteration < self.settings.tied_iterations:
            losses = self._collect(self.gen_optimizer, self._reconstruct, parts, whole)
            self._tie_gradients()
        else:
            made = self._threads.map(self._translate, parts)
            attempts = list(zip(made, self._views(iteration, pieces), strict=True))
            losses = self._collect(self.dis_optimizer, self._judge, attempts, whole)
            self.dis_optimizer.step()
            losses |= self._collect(self.gen_optimizer, self._improve, attempts, whole)
        self.gen_optimizer.step()
        self._update_mean()
        return losses

    def _reconstruct(self, part: Part) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of encoding and decoding within each domain, and the objective of the generators."""
        x_a, x_b, noise_a, noise_b, *_ = part
        through = self._through
        code_a, code_b = through(self.a.enc, x_a), through(self.b.enc, x_b)
        losses = {
            "recon_x_a": l1(through(self.a.dec, code_a + noise_a), x_a),
            "recon_x_b": l1(through(self.b.dec, code_b + noise_b), x_b),
            "recon_kl_a": code_loss(code_a),
            "recon_kl_b": code_loss(code_b),
        }
        total = total_loss(losses, self.settings)
        return losses | {"total": total}, total

    def _tie_gradients(self) -> None:
        for one, other in zip(self.a.parameters(), self.b.parameters(), strict=True):
            if one.grad is not None and other.grad is not None:
                one.grad = other.grad = (one.grad + other.grad) / 2

    def _translate(self, part: Part) -> Translations:
        x_a, x_b, *noise = part
        with self._autocast():
            return translate_both_ways(self.a, self.b, x_a, x_b, Noise(*noise), self._through)

    def _judge(self, attempt: Attempt) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of the discriminators for one attempt, and their objective."""
        t, seen = attempt
        losses = {
            "dis_a": discriminator_loss(self.dis_a, seen(0, t.x_ba.detach()), seen(1, t.x_a)),
            "dis_b": discriminator_loss(self.dis_b, seen(2, t.x_ab.detach()), seen(3, t.x_b)),
        }
        return losses, self.settings.gan_w * (losses["dis_a"] + losses["dis_b"])

    def _improve(self, attempt: Attempt) -> tuple[dict[str, Tensor], Tensor]:
        """The losses of the generators for one attempt, and their objective."""
        t, seen = attempt
        judges = (lambda x: self.dis_a(seen(4, x)), lambda x: self.dis_b(seen(5, x)))
        losses = generator_losses(t, *judges, self.features, edges=self.settings.edge_w > 0)
        total = total_loss(losses, self.settings)
        return losses | {"total": total}, total

    def _collect(
        self,
        optimizer: torch.optim.Adam,
        objective: Callable[[Item], tuple[dict[str, Tensor], Tensor]],
        items: list[Item],
        whole: float,
    ) -> dict[str, Tensor]:
        """Set the gradients of the optimizer's weights to their mean over the batch; return the mean losses.

        The batch has `whole` items, of which `items` are those of this process.
        """
        parameters = optimizer.param_groups[0]["params"]

        def work(item: Item) -> tuple[dict[str, Tensor], tuple[Tensor, ...]]:
            with self._autocast():
                losses, target = objective(item)
            return losses, torch.autograd.grad(target, parameters)

        results = list(self._threads.map(work, items))
        for parameter, *gradients in zip(parameters, *(gradients for _, gradients in results), strict=True):
            total = _sum_beside(parameter, gradients)
            parameter.grad = total if whole == 1 else total / whole
        means = {
            name: torch.stack([losses[name].detach() for losses, _ in results]).sum() / whole
            for name in results[0][0]
        }
        self.group.add([*(parameter.grad for parameter in parameters), *means.values()])
        return means

    def _autocast(self) -> torch.autocast:
        # With cached rounded weights, gradients would be summed in bfloat16.
        return autocast(self.device, self._numbers, cached=False)

    def _noise(self, iteration: int, x: Tensor) -> tuple[Tensor, ...]:
        """Noise as in `Noise`, in its order, for this process's share of the batch."""
        sizes = self.settings.generator
        scale = 2**sizes.n_downsample
        shape = (4, self.settings.batch, sizes.code_channels, x.shape[2] // scale, x.shape[3] // scale)
        # On the device itself: a CPU needs 40 ms for the noise of the published training.
        rng = seeded(self.settings.seed, _NOISE, iteration, self.device)
        drawn = torch.randn(shape, generator=rng, device=self.device)
        return tuple(self._placed(self.group.share(part)) for part in drawn)

    def _views(self, iteration: int, pieces: int) -> list[Views]:
        """The discriminators' views of each piece of this process's share of the batch."""
        if not self.settings.dis_augment:
            return [Views(None)] * pieces
        rng = seeded(self.settings.seed, _VIEWS, iteration)
        drawn = torch.rand((self.settings.batch, LOOKS, DRAWN), generator=rng)
        return [Views(some) for some in self.group.share(drawn).chunk(pieces)]

    def _set_learning_rate(self, iteration: int) -> None:
        # The published training steps its schedule before each update, so the count is one higher.
        rate = self.settings.lr * self.settings.gamma ** ((iteration + 1) // self.settings.step_size)
        for optimizer in (self.gen_optimizer, self.dis_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = rate

    @torch.no_grad()
    def _update_mean(self) -> None:
        share = 1 - self.settings.ema_decay
        for mean, current in ((self.mean_a, self.a), (self.mean_b, self.b)):
            torch._foreach_lerp_(list(mean.parameters()), list(current.parameters()), share)

    def is_finite(self) -> bool:
        """Whether all weights and all moments of the optimizers are finite."""
        weights = [p for pair in self._networks().values() for module in pair for p in module.parameters()]
        moments = [
            value
            for optimizer in (self.gen_optimizer, self.dis_optimizer)
            for state in optimizer.state.values()
            for value in state.values()
        ]
        return bool(torch.stack([value.isfinite().all() for value in [*weights, *moments]]).all())

    def state(self) -> dict[str, Any]:
        """The state to resume from, as nested dicts of tensors and numbers."""
        return {
            name: {"a": a.state_dict(), "b": b.state_dict()} for name, (a, b) in self._networks().items()
        } | {
            "gen_optimizer": self.gen_optimizer.state_dict(),
            "dis_optimizer": self.dis_optimizer.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Resume from the return value of `state`."""
        for name, (a, b) in self._networks().items():
            a.load_state_dict(state[name]["a"])
            b.load_state_dict(state[name]["b"])
        self.gen_optimizer.load_state_dict(state["gen_optimizer"])
        self.dis_optimizer.load_state_dict(state["dis_optimizer"])

    def _networks(self) -> dict[str, tuple[nn.Module, nn.Module]]:
        return {
            "gen": (self.a, self.b),
            "dis": (self.dis_a, self.dis_b),
            "mean": (self.mean_a, self.mean_b),
        }


def _sum_beside(parameter: Tensor, gradients: Sequence[Tensor]) -> Tensor:
    """The sum of the gradients, in the memory format of `parameter`.

    A fused Adam reads the memory of both in order and ignores their strides.
    """
    if len(gradients) == 1 and gradients[0].stride() == parameter.stride():
        return gradients[0]
    total = torch.empty_like(parameter).copy_(gradients[0])
    for gradient in gradients[1:]:
        total += gradient
    return total
