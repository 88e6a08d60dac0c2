"""Score the weights of a training run and choose the best ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unit.network.network import Generator
from unit.training.losses import l1


@dataclass(frozen=True)
class ScoredWeights:
    """The weights of both generators after `iteration` iterations, on the CPU, and their `recovery_error`."""

    iteration: int
    error: float
    a: dict[str, Tensor]
    b: dict[str, Tensor]

    def state(self) -> dict[str, Any]:
        """All of it as nested dicts of tensors and numbers."""
        return dict(vars(self))

    @staticmethod
    def of_state(state: dict[str, Any]) -> ScoredWeights:
        """The inverse of `state`; tensors may be on any device."""
        return ScoredWeights(state["iteration"], state["error"], _copied(state["a"]), _copied(state["b"]))

    def generators(self, like: Generator) -> tuple[Generator, Generator]:
        """The generators themselves, with the sizes and on the device of `like`."""
        device = next(like.parameters()).device
        a, b = Generator(like.sizes), Generator(like.sizes)
        a.load_state_dict(self.a)
        b.load_state_dict(self.b)
        return a.to(device), b.to(device)


def score_weights(iteration: int, a: Generator, b: Generator, day: Tensor, night: Tensor) -> ScoredWeights:
    """Score the weights of `a` and `b` after `iteration` iterations; images as for `recovery_error`."""
    error = recovery_error(a, b, day, night)
    return ScoredWeights(iteration, error, _copied(a.state_dict()), _copied(b.state_dict()))


def better(best: ScoredWeights | None, other: ScoredWeights) -> ScoredWeights:
    """The one with the smaller error; `best` if they are equal."""
    return other if best is None or other.error < best.error else best


def _copied(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().to("cpu", copy=True) for name, value in state.items()}


@torch.inference_mode()
def recovery_error(a: Generator, b: Generator, day: Tensor, night: Tensor) -> float:
    """The mean absolute error of images (N, 3, H, W) in -1..1 after encoding and decoding.

    The mean, over all images, of the absolute difference (0 to 2) to the reconstruction and to the image
    translated to the other time of day and back, without noise. It measures how much of a place is kept, but
    not how real a night looks: generators that change no image have the smallest error.
    """
    device = next(a.parameters()).device
    errors = [
        error
        for own, other, pictures in ((a, b, day), (b, a, night))
        for picture in pictures.to(device, memory_format=torch.channels_last).split(1)
        for error in _errors(own, other, picture)
    ]
    return float(torch.stack(errors).mean())


def _errors(own: Generator, other: Generator, x: Tensor) -> tuple[Tensor, Tensor]:
    # One image at a time, so that the sum is the same for any number of threads.
    code = own.enc(x)
    return l1(own.dec(code), x), l1(own.dec(other.enc(other.dec(code))), x)
