"""Batch norm over the images of all processes of a training run under `torchrun`.

A batch then gives the same step as in one process, up to the rounding of sums.
"""

from __future__ import annotations

import sys
from typing import TypeGuard, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from pipeline.compute.distributed.all_reduce import process_sum
from pipeline.compute.distributed.group import Group
from pipeline.runtime.errors import ParameterError


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the images of all processes in train mode; torch's SyncBatchNorm needs CUDA."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch (N, C, H, W); N may be 0."""
        if not self.training:
            return super().forward(x)
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        count = x.new_tensor([values[:, :1].numel()], dtype=torch.float64)
        dist.all_reduce(count)
        pixels = float(count)
        mean = process_sum(values.sum((0, 2, 3))) / pixels
        centred = values - mean[:, None, None]
        variance = process_sum(centred.square().sum((0, 2, 3))) / pixels
        self._follow(mean.detach(), variance.detach() * (pixels / (pixels - 1)))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.momentum is None:
            return
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked += 1


class SharedBatchNormAct(SharedBatchNorm):
    """The same, followed by `drop` and `act`, as in timm's `BatchNormAct2d`."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch (N, C, H, W) and activate it; N may be 0."""
        activated: Tensor = self.act(self.drop(super().forward(x)))
        return activated


Shared = TypeVar("Shared", bound=SharedBatchNorm)


def share_batch_norm(network: nn.Module, group: Group) -> None:
    """Replace each batch norm by one over all processes, with the same weights, statistics and names.

    `ParameterError` for a network that trains batch norms of another type, which would use the images of one
    process only.
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
                    f"this backbone has batch norms of type {type(child).__name__}, which {group.size}"
                    " processes cannot train together",
                    hint="train it in one process, or use another backbone",
                )


def _is_activated(child: nn.Module) -> TypeGuard[nn.BatchNorm2d]:
    # Only timm has them; if it is not imported, the network has none.
    return type(child) is getattr(sys.modules.get("timm.layers"), "BatchNormAct2d", None)


def _shared(norm: nn.BatchNorm2d, kind: type[Shared]) -> Shared:
    shared = kind(norm.num_features, norm.eps, norm.momentum)
    shared.weight, shared.bias = norm.weight, norm.bias
    for buffer in ("running_mean", "running_var", "num_batches_tracked"):
        setattr(shared, buffer, getattr(norm, buffer))
    shared.training = norm.training
    return shared
