"""The triplet loss of queries, each with its positive and its negatives."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def triplet_loss(descriptors: Tensor, negatives: int, margin: float, *, batch: int | None = None) -> Tensor:
    """Mean hinge loss max(0, |q - p| - |q - n| + margin) over all triplets of a batch.

    `descriptors`, (B * (2 + negatives), D), hold for each query itself, its positive and its negatives;
    the sum over triplets is divided by B * negatives, or by `batch` * negatives where these are only some
    queries of a batch.
    """
    groups = descriptors.unflatten(0, (-1, 2 + negatives))
    # (B, negatives, D) each
    others = groups[:, 2:]
    query, positive = (groups[:, place : place + 1].expand_as(others) for place in (0, 1))
    total = functional.triplet_margin_loss(query, positive, others, margin=margin, p=2, reduction="sum")
    return total / ((batch or len(groups)) * negatives)
