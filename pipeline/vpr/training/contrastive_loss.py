"""The contrastive loss of a batch of places: each query is to find its own place by day among all of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.compute.distributed.group import Group


def contrastive_loss(
    descriptors: Tensor, near: Tensor, temperature: float, group: Group, night_weight: float = 1.0
) -> Tensor:
    """Cross entropy of finding each query's positive among the positives of the batch, summed over its times.

    InfoNCE (van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018): the
    scores of the softmax are cosines of descriptors divided by `temperature`. All positives are days, as the
    databases are in which queries of the night are looked for; so a place by night and the same place by day
    are drawn to one and the same picture.

    descriptors: (n, k, D), of n places a picture by day that asks, its positive by day and, where k is 3, the
    first by night. near: (B, B), whether positive j of the batch lies near query i; of those near a query
    only its own is scored. The loss is the mean over the B places by day, plus `night_weight` times that by
    night. A query without any other place to tell its own from has no loss and no gradient.

    In a `group` of several processes the n places are this one's share of the batch; losses and gradients add
    up over the processes to those of the batch.
    """
    unit = functional.normalize(descriptors, dim=2)
    batch = len(near)
    first = group.share(range(batch)).start
    positives = group.joined(unit[:, 1], first, batch)
    here = torch.arange(len(unit), device=unit.device)
    own = first + here
    hidden = near[own]
    hidden[here, own] = False
    loss = unit.new_zeros(())
    for time, weight in ((0, 1.0), (2, night_weight))[: unit.shape[1] - 1]:
        scores = unit[:, time] @ positives.T / temperature
        lost = functional.cross_entropy(scores.masked_fill(hidden, -torch.inf), own, reduction="sum")
        loss = loss + weight * lost
    return loss / batch
