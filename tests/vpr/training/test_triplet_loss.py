from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.vpr.training.triplet_loss import triplet_loss


def naive_loss(descriptors: np.ndarray, negatives: int, margin: float) -> float:
    groups = descriptors.reshape(-1, 2 + negatives, descriptors.shape[1])
    total = 0.0
    for query, positive, *others in groups:
        near = np.linalg.norm(query - positive + 1e-6)
        total += sum(max(0.0, near - np.linalg.norm(query - other + 1e-6) + margin) for other in others)
    return total / (len(groups) * negatives)


def test_loss_is_the_sum_over_triplets_divided_by_batch_and_negatives() -> None:
    descriptors = np.random.default_rng(1).normal(size=(3 * 7, 16))
    loss = triplet_loss(torch.from_numpy(descriptors), negatives=5, margin=0.8)
    assert naive_loss(descriptors, 5, 0.8) > 0
    assert float(loss) == pytest.approx(naive_loss(descriptors, 5, 0.8), rel=1e-9)


def test_loss_is_zero_where_every_negative_is_farther_by_the_margin() -> None:
    query = torch.zeros(1, 4)
    far = torch.full((2, 4), 10.0)
    assert float(triplet_loss(torch.cat([query, query, far]), negatives=2, margin=0.1)) == 0.0


def test_gradient_pulls_the_positive_and_pushes_the_negative() -> None:
    descriptors = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]], requires_grad=True)
    triplet_loss(descriptors, negatives=1, margin=0.1).backward()
    gradient = descriptors.grad
    assert gradient is not None
    assert gradient[1, 0] > 0
    assert gradient[2, 0] < 0
