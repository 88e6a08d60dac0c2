"""Batch norm folded into the convolution before it, while a network does not learn."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import TypeGuard

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock, Bottleneck

from pipeline.vpr.batch_norm import SharedBatchNorm

# In these, a batch norm that follows a convolution among the children takes its output; of others nobody
# knows.
_IN_ORDER = (nn.Sequential, BasicBlock, Bottleneck)


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into eval mode for the block, with its batch norms folded into its convolutions.

    It computes the same then, up to rounding, with fewer passes over the features. Afterwards, also after an
    error, it has its own modules again, each in the mode it was in.
    """
    # Of each module: some may be frozen in eval mode inside a network that trains.
    before = [(module, module.training) for module in network.modules()]
    network.eval()
    replaced = [
        (module, name, child)
        for module, _ in before
        if isinstance(module, _IN_ORDER)
        for name, child in _fold_children(module)
    ]
    try:
        yield
    finally:
        for module, name, child in replaced:
            setattr(module, name, child)
        for module, training in before:
            module.training = training


def _is_plain(norm: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    """Whether it is a batch norm with statistics, and not a kind of one that may do something else too."""
    return type(norm) in (nn.BatchNorm2d, SharedBatchNorm) and norm.running_mean is not None


def _fold_children(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """Fold in place and return the children that were replaced, with their names."""
    replaced = []
    children = list(module.named_children())
    for (name, convolution), (next_name, norm) in itertools.pairwise(children):
        if type(convolution) is nn.Conv2d and _is_plain(norm):
            setattr(module, name, fuse_conv_bn_eval(convolution, norm))
            setattr(module, next_name, nn.Identity())
            replaced += [(name, convolution), (next_name, norm)]
    return replaced
