"""Seeded random numbers, and initial weights with the distributions of the published training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from unit.network.network import Generator, UnitLayerNorm
from unit.training.discriminator import Discriminator
from unit.training.settings import TrainSettings

Network = TypeVar("Network", bound=nn.Module)


def seeded(seed: int, purpose: int, number: int, device: torch.device | str = "cpu") -> torch.Generator:
    """The random generator of one purpose and series; a GPU gives other numbers than a CPU."""
    key = np.random.SeedSequence([seed, purpose, number]).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(key) >> 1)


def initial_generator(settings: TrainSettings, rng: torch.Generator) -> Generator:
    """An initial generator: He normal convolutions, biases 0, gamma uniform in 0..1."""
    return _drawn(Generator(settings.generator), rng, partial(nn.init.kaiming_normal_, a=0, mode="fan_in"))


def initial_discriminator(settings: TrainSettings, rng: torch.Generator) -> Discriminator:
    """An initial discriminator: N(0, 0.02) convolutions, biases 0.

    As in a generator, gamma of a layer norm is uniform in 0..1; the scale of a batch norm is 1.
    """
    return _drawn(Discriminator(settings.discriminator), rng, partial(nn.init.normal_, mean=0.0, std=0.02))


def _drawn(network: Network, rng: torch.Generator, draw: Callable[..., Tensor]) -> Network:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            draw(module.weight, generator=rng)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, UnitLayerNorm):
            nn.init.uniform_(module.gamma, generator=rng)
    return network
