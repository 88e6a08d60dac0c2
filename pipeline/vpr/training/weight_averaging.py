"""Copy the weights of a network by name, and average them with others."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of the state dict of a network in main memory."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def averaged(learnt: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` (0 to 1) of the weights `start` plus the rest of `learnt`; integers are those of `learnt`.

    Wortsman et al., "Robust fine-tuning of zero-shot models", 2022, equation 1: averaging initial and
    fine-tuned weights keeps abilities of both. With a share of 0, `start` is not used.
    """
    if not share:
        return dict(learnt)
    return {
        name: torch.lerp(value, start[name], share) if value.is_floating_point() else value
        for name, value in learnt.items()
    }
