"""Weights of a network by name: taken out, and averaged with others."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy, in main memory, of all that a network keeps."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}


def averaged(learnt: Mapping[str, Tensor], start: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` (0 to 1) of the weights `start` and the rest of `learnt`; what counts stays as learnt.

    Wortsman et al., "Robust fine-tuning of zero-shot models", 2022, equation 1: of a network that was
    learnt elsewhere and tuned here, such an average keeps what both can do. With a share of 0 nothing of
    `start` is looked at.
    """
    if not share:
        return dict(learnt)
    return {
        name: torch.lerp(value, start[name], share) if value.is_floating_point() else value
        for name, value in learnt.items()
    }
