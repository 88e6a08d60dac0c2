"""One training run by several processes that `torchrun` started, as if it were one.

Each process takes some queries of each batch. Sums over the batch are made over all processes: batch norm's
statistics with their gradients, the loss, and the gradients of the weights; so the same batch gives the same
step as in one process, up to the rounding of sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from pipeline.compute.group import ALONE, Group
from pipeline.vpr.batch_norm import SharedBatchNorm
from pipeline.vpr.judging import BATCH, Extraction, Pictures


@dataclass(frozen=True)
class SharedExtraction(Extraction):
    """Descriptors of which each process of `group` computes its share, and gets all."""

    group: Group = ALONE

    def descriptors(self, network: nn.Module, pictures: Pictures, batch: int = BATCH) -> np.ndarray:
        """Descriptors of all pictures, in their order: (n, D), float32."""
        if len(pictures) < self.group.size:
            return super().descriptors(network, pictures, batch)
        mine = self.group.share(range(len(pictures)))
        rows = self._some(network, pictures, mine.start, len(mine), batch)
        return self.group.gathered(rows, len(pictures), self.device)


def share_batch_norm(network: nn.Module, group: Group) -> None:
    """Replace each batch norm by one over all processes, with its weights, statistics and names."""
    if group.size == 1:
        return
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.weight, shared.bias = child.weight, child.bias
                for buffer in ("running_mean", "running_var", "num_batches_tracked"):
                    setattr(shared, buffer, getattr(child, buffer))
                shared.train(child.training)
                setattr(module, name, shared)
