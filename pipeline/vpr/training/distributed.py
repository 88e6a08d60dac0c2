"""One training run by several processes that `torchrun` started, as if it were one.

Each process takes some queries of each batch. Sums over the batch are made over all processes: batch norm's
statistics with their gradients, the loss, and the gradients of the weights; so the same batch gives the same
step as in one process, up to the rounding of sums.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TypeGuard, TypeVar

import numpy as np
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline.compute.distributed.group import ALONE, Group
from pipeline.runtime.errors import ParameterError
from pipeline.vpr.models.sync_batchnorm import SharedBatchNorm, SharedBatchNormAct
from pipeline.vpr.retrieval.retrieval_evaluation import BATCH, Extraction, Pictures

Shared = TypeVar("Shared", bound=SharedBatchNorm)


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
    """Replace each batch norm by one over all processes, with its weights, statistics and names.

    `ParameterError` for a network that trains batch norms of another kind, of which each process would see
    its own pictures only.
    """
    if group.size == 1:
        return
    for module in network.modules():
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                setattr(module, name, _shared(child, SharedBatchNorm))
            elif _is_activated(child):
                shared = _shared(child, SharedBatchNormAct)
                shared.drop, shared.act = child.get_submodule("drop"), child.get_submodule("act")
                setattr(module, name, shared)
            elif isinstance(child, _BatchNorm) and child.training and not isinstance(child, SharedBatchNorm):
                raise ParameterError(
                    f"this backbone has batch norms of the kind {type(child).__name__}, which {group.size}"
                    " processes cannot train as one",
                    hint="train it in one process, or take another backbone",
                )


def _is_activated(child: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    # Only a network of timm has them, and has imported it.
    return type(child) is getattr(sys.modules.get("timm.layers"), "BatchNormAct2d", None)


def _shared(norm: nn.BatchNorm2d, kind: type[Shared]) -> Shared:
    shared = kind(norm.num_features, norm.eps, norm.momentum)
    shared.weight, shared.bias = norm.weight, norm.bias
    for buffer in ("running_mean", "running_var", "num_batches_tracked"):
        setattr(shared, buffer, getattr(norm, buffer))
    shared.training = norm.training
    return shared
