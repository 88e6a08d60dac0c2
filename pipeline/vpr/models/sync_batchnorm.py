"""Batch norm over the pictures of all processes of a training run."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pipeline.compute.distributed.all_reduce import process_sum


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the pictures of all processes in train mode; torch's own of this kind wants CUDA."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch (N, C, H, W), of which N may be 0."""
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
    """The same with what timm's `BatchNormAct2d` does next: its `drop`, then its activation."""

    drop: nn.Module
    act: nn.Module

    def forward(self, x: Tensor) -> Tensor:
        """Normalise a batch (N, C, H, W), of which N may be 0, and activate it."""
        activated: Tensor = self.act(self.drop(super().forward(x)))
        return activated
