"""The losses of a batch: triplet loss and contrastive loss."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.compute.distributed.group import Group


def triplet_loss(descriptors: Tensor, negatives: int, margin: float, *, batch: int | None = None) -> Tensor:
    """Mean hinge loss max(0, |q - p| - |q - n| + margin) over all triplets of a batch.

    `descriptors`, (B * (2 + negatives), D): for each query its own, that of its positive and those of its
    negatives. The sum over triplets is divided by B * negatives, or by `batch` * negatives if these are only
    some queries of a batch.
    """
    groups = descriptors.unflatten(0, (-1, 2 + negatives))
    # (B, negatives, D) each
    others = groups[:, 2:]
    query, positive = (groups[:, place : place + 1].expand_as(others) for place in (0, 1))
    total = functional.triplet_margin_loss(query, positive, others, margin=margin, p=2, reduction="sum")
    return total / ((batch or len(groups)) * negatives)


def contrastive_loss(
    descriptors: Tensor,
    near: Tensor,
    temperature: float,
    group: Group,
    night_weight: float = 1.0,
    *,
    by_distance: bool = False,
) -> Tensor:
    """Cross entropy of retrieving each query's positives among those of the batch, by day plus by night.

    InfoNCE (van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018): the
    logits are cosine similarities of descriptors divided by `temperature`. All positives are day images, as
    in the databases that night queries are searched in; so the day and the night image of a place are pulled
    towards the same image.

    With `by_distance` the logits are minus half the squared distances, divided by `temperature` and by the
    mean square of the positives' lengths. For descriptors of unit length this is the same; for others it also
    teaches their length, which a search by distance depends on.

    descriptors: (n, k, D), for each of n places its day query, its m day positives and, if k is m + 2, the
    night image of the query. near: (B, B * m), whether a positive of the batch, sorted by place, is near
    query i; of the positives near a query only its own are scored, each without the others. The loss is the
    mean over the B places and their positives by day, plus `night_weight` times the same by night. A query
    without any other place in the batch has no loss and no gradient.

    In a `group` of several processes the n places are the share of this process; losses and gradients sum
    over the processes to those of the batch.
    """
    compared = descriptors if by_distance else functional.normalize(descriptors, dim=2)
    batch, each = len(near), near.shape[1] // len(near)
    first = group.share(range(batch)).start
    of_place = group.joined(compared[:, 1 : 1 + each].flatten(1), first, batch)
    positives = of_place.unflatten(1, (each, -1)).flatten(0, 1)
    here = torch.arange(len(compared), device=compared.device)
    own = (first + here) * each
    others = near[first + here]
    for number in range(each):
        others[here, own + number] = True
    squares = positives.square().sum(1)
    loss = compared.new_zeros(())
    for time, weight in ((0, 1.0), (1 + each, night_weight))[: compared.shape[1] - each]:
        scores = compared[:, time] @ positives.T
        if by_distance:
            # Without the square of the query's own length, which all its scores share.
            scores = (scores - squares / 2) / squares.mean().detach()
        scores = scores / temperature
        for right in range(each):
            hidden = others.clone()
            hidden[here, own + right] = False
            told = scores.masked_fill(hidden, -torch.inf)
            loss = loss + weight * functional.cross_entropy(told, own + right, reduction="sum")
    return loss / (batch * each)
