"""Fold batch norm with fixed statistics into the convolution before it.

A network then reads and writes its features fewer times. `folded_eval_mode` scales the weights once,
`folded_train_mode` in each step, so that the gradients reach the weights of the convolution.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock, Bottleneck

from pipeline.vpr.models.sync_batchnorm import SharedBatchNorm, SharedBatchNormAct

# In these modules, a batch norm that follows a convolution among the children takes its output; in others
# this is not known.
_IN_ORDER = (nn.Sequential, BasicBlock, Bottleneck)


@contextlib.contextmanager
def folded_eval_mode(network: nn.Module) -> Iterator[None]:
    """Put a network into eval mode for the block, with its batch norms folded into its convolutions.

    The result is the same, up to rounding, with fewer passes over the features. Afterwards, also after an
    error, the network has its own modules again, each in its old mode.
    """
    # For each module: some may be frozen in eval mode inside a network in train mode.
    before = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with _folded(network, fuse_conv_bn_eval):
            yield
    finally:
        for module, training in before:
            module.training = training


@contextlib.contextmanager
def folded_train_mode(network: nn.Module) -> Iterator[None]:
    """Fold each batch norm in eval mode for the block; gradients still flow."""
    with _folded(network, _Scaled):
        yield


class _Scaled(nn.Module):
    """A convolution with the scale and shift of the batch norm after it."""

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.convolution = convolution
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        convolution, norm = self.convolution, self.norm
        if norm.running_mean is None or norm.running_var is None:
            raise TypeError("a batch norm without statistics cannot be folded")
        scale = torch.rsqrt(norm.running_var + norm.eps)
        if norm.weight is not None:
            scale = norm.weight * scale
        shift = -norm.running_mean * scale
        if norm.bias is not None:
            shift = norm.bias + shift
        if convolution.bias is not None:
            shift = shift + convolution.bias * scale
        weight = convolution.weight * scale[:, None, None, None]
        if convolution.groups == 1 or x.device.type != "cpu":
            return self._convolved(x, weight, shift)
        # In the type of the weights: gradients of small groups are much slower in bfloat16 on a CPU.
        with torch.autocast("cpu", enabled=False):
            return self._convolved(x.to(weight.dtype), weight, shift)

    def _convolved(self, x: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
        convolution = self.convolution
        if type(convolution) is nn.Conv2d:
            return convolution._conv_forward(x, weight, shift)
        from timm.layers.conv2d_same import conv2d_same

        padded: Tensor = conv2d_same(
            x,
            weight,
            shift,
            convolution.stride,
            convolution.padding,
            convolution.dilation,
            convolution.groups,
        )
        return padded


@contextlib.contextmanager
def _folded(network: nn.Module, fuse: Callable[[nn.Conv2d, nn.BatchNorm2d], nn.Module]) -> Iterator[None]:
    """Replace each convolution and its batch norm with fixed statistics by the result of `fuse`."""
    kinds = _kinds_of_timm()
    replaced = [
        (module, name, child)
        for module in list(network.modules())
        if isinstance(module, _IN_ORDER) or type(module) in kinds.in_order
        for name, child in _fold_children(module, kinds, fuse)
    ]
    try:
        yield
    finally:
        for module, name, child in replaced:
            setattr(module, name, child)


@dataclass(frozen=True)
class _Kinds:
    """Classes of timm; none if it is not imported.

    in_order: blocks as in `_IN_ORDER`. convolutions: classes that differ only in padding. activated: batch
    norms that apply `drop`, then `act` to the result.
    """

    in_order: tuple[type, ...] = ()
    convolutions: tuple[type, ...] = (nn.Conv2d,)
    activated: tuple[type, ...] = (SharedBatchNormAct,)


def _kinds_of_timm() -> _Kinds:
    # A network with timm layers has imported timm; for others the import would cost a third of a second.
    if "timm.models" not in sys.modules:
        return _Kinds()
    from timm.layers import BatchNormAct2d, ConvNormAct
    from timm.layers.conv2d_same import Conv2dSame
    from timm.models import _efficientnet_blocks as blocks
    from timm.models import resnet

    separable = (
        blocks.ConvBnAct,
        blocks.DepthwiseSeparableConv,
        blocks.InvertedResidual,
        blocks.EdgeResidual,
    )
    return _Kinds(
        (*separable, ConvNormAct, resnet.BasicBlock, resnet.Bottleneck),
        (nn.Conv2d, Conv2dSame),
        (SharedBatchNormAct, BatchNormAct2d),
    )


def _left_of(norm: nn.Module, kinds: _Kinds) -> nn.Module | None:
    """What is left of a batch norm after folding; None if it cannot be folded."""
    if not isinstance(norm, nn.BatchNorm2d) or norm.running_mean is None or norm.training:
        return None
    if type(norm) in (nn.BatchNorm2d, SharedBatchNorm):
        return nn.Identity()
    if type(norm) in kinds.activated and type(norm.drop) is nn.Identity:
        return norm.get_submodule("act")
    return None


def _fold_children(
    module: nn.Module, kinds: _Kinds, fuse: Callable[[nn.Conv2d, nn.BatchNorm2d], nn.Module]
) -> list[tuple[str, nn.Module]]:
    """Fold in place; return the replaced children with their names."""
    replaced = []
    children = list(module.named_children())
    for (name, convolution), (next_name, norm) in itertools.pairwise(children):
        if not isinstance(convolution, nn.Conv2d) or type(convolution) not in kinds.convolutions:
            continue
        left = _left_of(norm, kinds)
        if isinstance(norm, nn.BatchNorm2d) and left is not None:
            setattr(module, name, fuse(convolution, norm))
            setattr(module, next_name, left)
            replaced += [(name, convolution), (next_name, norm)]
    return replaced
