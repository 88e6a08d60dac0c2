"""The contrastive loss beside a plain loop over all pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.compute.group import Group
from pipeline.vpr.contrastive import contrastive_loss
from pipeline.vpr.positives import together

ALONE = Group()


def naive_loss(descriptors: np.ndarray, near: np.ndarray, temperature: float) -> float:
    unit = [row / math.sqrt(sum(value * value for value in row)) for row in descriptors]
    total = 0.0
    for one, mine in enumerate(unit):
        partner = one + 1 if one % 2 == 0 else one - 1
        seen = [other for other in range(len(unit)) if other == partner or not near[one, other]]
        scores = {other: float(mine @ unit[other]) / temperature for other in seen}
        total += math.log(sum(math.exp(scores[other] - scores[partner]) for other in seen))
    return total / len(unit)


def world(seed: int, pairs: int, size: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Descriptors of pairs at places in a square of `size` metres, and which of them are near another."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, size, (pairs, 1, 2)) + rng.uniform(-5, 5, (pairs, 2, 2))
    near = together(places.reshape(-1, 2), 25)
    return torch.from_numpy(rng.normal(size=(2 * pairs, 6))), torch.from_numpy(near)


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.sampled_from([10, 80, 1000]), st.floats(0.05, 2))
def test_loss_is_that_of_a_loop(seed: int, pairs: int, size: float, temperature: float) -> None:
    descriptors, near = world(seed, pairs, size)
    loss = contrastive_loss(descriptors, near, temperature, ALONE)
    assert float(loss) == pytest.approx(naive_loss(descriptors.numpy(), near.numpy(), temperature), abs=1e-9)


def test_neither_order_of_pairs_nor_of_members_nor_lengths_matter() -> None:
    descriptors, near = world(1, 5, 80)
    loss = contrastive_loss(descriptors, near, 0.1, ALONE)
    order = torch.tensor([[8, 9], [1, 0], [4, 5], [7, 6], [2, 3]]).flatten()
    other = contrastive_loss(3 * descriptors[order], near[order][:, order], 0.1, ALONE)
    assert float(other) == pytest.approx(float(loss), rel=1e-12)


def test_equal_pictures_are_told_apart_by_chance() -> None:
    same = torch.ones(8, 3)
    near = torch.block_diag(*[torch.ones(2, 2)] * 4).bool()
    # Of seven others one is right, six are elsewhere, whatever the temperature.
    for temperature in (0.05, 1.0):
        loss = contrastive_loss(same, near, temperature, ALONE)
        assert float(loss) == pytest.approx(math.log(7), rel=1e-6)


def test_gradient_pulls_a_pair_and_pushes_what_is_elsewhere() -> None:
    descriptors = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]], requires_grad=True)
    near = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).bool()
    contrastive_loss(descriptors, near, 0.5, ALONE).backward()
    gradient = descriptors.grad
    assert gradient is not None
    assert gradient[0, 1] < 0 < gradient[0, 2]


def test_pictures_of_one_place_do_not_push_each_other() -> None:
    descriptors, near = world(2, 2, 1000)
    descriptors.requires_grad_()
    near[0, 2] = near[2, 0] = True
    contrastive_loss(descriptors, near, 0.1, ALONE).backward()
    with_mask = descriptors.grad
    assert with_mask is not None
    # The first picture's score with the third is in no softmax: the gradient is that without its pull.
    moved = descriptors.detach().clone().requires_grad_()
    unit = torch.nn.functional.normalize(moved)
    scores = unit @ unit.T / 0.1
    kept = [(0, 1, [1, 3]), (1, 0, [0, 2, 3]), (2, 3, [1, 3]), (3, 2, [0, 1, 2])]
    sum(torch.logsumexp(scores[one, seen], 0) - scores[one, two] for one, two, seen in kept).div(4).backward()
    torch.testing.assert_close(with_mask, moved.grad)


def test_a_pair_without_negatives_has_no_loss_and_no_gradient() -> None:
    descriptors, near = world(3, 3, 1)
    assert near.all()
    descriptors.requires_grad_()
    loss = contrastive_loss(descriptors, near, 0.05, ALONE)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert descriptors.grad is not None and not descriptors.grad.any()


def test_near_is_inclusive_and_left_as_it_was() -> None:
    near = torch.from_numpy(together(np.array([[0.0, 0], [0, 25], [15, 20], [0, 25.01]]), 25))
    assert near[0].tolist() == [True, True, True, False]
    before = near.clone()
    contrastive_loss(torch.ones(4, 2), near, 1.0, ALONE)
    assert torch.equal(near, before)
