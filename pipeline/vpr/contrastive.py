"""The contrastive loss of a batch of pairs, whose other pictures are each pair's negatives."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.compute.group import Group


def contrastive_loss(descriptors: Tensor, near: Tensor, temperature: float, group: Group) -> Tensor:
    """Mean cross-entropy, over all pictures of a batch, of finding each one's partner among the others.

    InfoNCE (van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018), from
    both members of each pair as in SimCLR (Chen et al., 2020): the scores of the softmax are cosines of
    descriptors divided by `temperature`.

    descriptors: (2 * n, D), one of n pairs after the other. near: (2 * B, 2 * B), whether two pictures of the
    batch of B pairs show one place, as each does with itself; of those near a picture only its partner is
    scored. A picture without any to tell its partner from has no loss and no gradient.

    In a `group` of several processes the n pairs are this one's share of the batch; losses and gradients add
    up over the processes to those of the batch.
    """
    unit = functional.normalize(descriptors)
    first = 2 * group.share(range(len(near) // 2)).start
    everyone = group.joined(unit, first, len(near))
    here = torch.arange(len(unit), device=unit.device)
    partners = (first + here) ^ 1
    hidden = near[first + here]
    hidden[here, partners] = False
    scores = (unit @ everyone.T / temperature).masked_fill(hidden, -torch.inf)
    return functional.cross_entropy(scores, partners, reduction="sum") / len(near)
