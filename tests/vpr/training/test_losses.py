"""The losses beside plain loops over all queries, and beside one worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.compute.distributed.group import Group
from pipeline.vpr.training.losses import contrastive_loss, triplet_loss

ALONE = Group()


def naive_triplet_loss(descriptors: np.ndarray, negatives: int, margin: float) -> float:
    groups = descriptors.reshape(-1, 2 + negatives, descriptors.shape[1])
    total = 0.0
    for query, positive, *others in groups:
        near = np.linalg.norm(query - positive + 1e-6)
        total += sum(max(0.0, near - np.linalg.norm(query - other + 1e-6) + margin) for other in others)
    return total / (len(groups) * negatives)


def test_loss_is_the_sum_over_triplets_divided_by_batch_and_negatives() -> None:
    descriptors = np.random.default_rng(1).normal(size=(3 * 7, 16))
    loss = triplet_loss(torch.from_numpy(descriptors), negatives=5, margin=0.8)
    assert naive_triplet_loss(descriptors, 5, 0.8) > 0
    assert float(loss) == pytest.approx(naive_triplet_loss(descriptors, 5, 0.8), rel=1e-9)


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


def naive_loss(descriptors: np.ndarray, near: np.ndarray, temperature: float) -> float:
    unit = descriptors / np.sqrt((descriptors**2).sum(2, keepdims=True))
    each = near.shape[1] // len(near)
    total = 0.0
    for time in {0, 1 + each} & set(range(unit.shape[1])):
        for one in range(len(unit)):
            for right in range(each):
                elsewhere = [
                    (other, number)
                    for other in range(len(unit))
                    for number in range(each)
                    if other != one and not near[one, other * each + number]
                ]
                seen = [(one, right), *elsewhere]
                scores = [float(unit[one, time] @ unit[other, 1 + n]) / temperature for other, n in seen]
                total += math.log(sum(math.exp(score - scores[0]) for score in scores))
    return total / (len(unit) * each)


def world(
    seed: int, places: int, size: float, pictures: int = 3, each: int = 1
) -> tuple[torch.Tensor, torch.Tensor]:
    """Descriptors of places in a square of `size` metres, and which positives lie near another's query."""
    rng = np.random.default_rng(seed)
    queries = rng.uniform(0, size, (places, 2))
    positives = np.repeat(queries, each, axis=0) + rng.uniform(-5, 5, (places * each, 2))
    near = np.hypot(*(queries[:, None] - positives[None]).transpose(2, 0, 1)) <= 25
    return torch.from_numpy(rng.normal(size=(places, pictures, 6))), torch.from_numpy(near)


@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 7),
    st.sampled_from([10, 80, 1000]),
    st.floats(0.05, 2),
    st.integers(1, 3),
    st.booleans(),
)
def test_loss_is_that_of_a_loop(
    seed: int, places: int, size: float, temperature: float, each: int, nights: bool
) -> None:
    descriptors, near = world(seed, places, size, 1 + each + nights, each)
    loss = contrastive_loss(descriptors, near, temperature, ALONE)
    assert float(loss) == pytest.approx(naive_loss(descriptors.numpy(), near.numpy(), temperature), abs=1e-9)


def test_loss_is_that_of_a_calculation_by_hand() -> None:
    # Two places a long way apart; lengths do not matter. The first query sees its positive at an angle of 0
    # and the other's at 90 degrees, by night at 60 and 30; the second sees both at 45, by night as by day.
    diagonal = [1.0, 1.0]
    descriptors = torch.tensor(
        [[[2.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(0.75)]], [diagonal, [0.0, 3.0], diagonal]],
        dtype=torch.float64,
    )
    near = torch.eye(2, dtype=torch.bool)
    by_day = math.log(1 + math.exp((0 - 1) / 0.5)) + math.log(2)
    by_night = math.log(1 + math.exp((math.sqrt(0.75) - 0.5) / 0.5)) + math.log(2)
    loss = contrastive_loss(descriptors, near, 0.5, ALONE)
    assert float(loss) == pytest.approx((by_day + by_night) / 2, abs=1e-12)
    weighed = contrastive_loss(descriptors, near, 0.5, ALONE, night_weight=0.4)
    assert float(weighed) == pytest.approx((by_day + 0.4 * by_night) / 2, abs=1e-12)
    assert float(contrastive_loss(descriptors[:, :2], near, 0.5, ALONE)) == pytest.approx(
        by_day / 2, abs=1e-12
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.floats(0.1, 30))
def test_distances_are_cosines_where_lengths_are_equal(seed: int, places: int, length: float) -> None:
    descriptors, near = world(seed, places, 80)
    same = length * torch.nn.functional.normalize(descriptors, dim=2)
    by_distance = contrastive_loss(same, near, 0.5, ALONE, 0.4, by_distance=True)
    assert float(by_distance) == pytest.approx(
        float(contrastive_loss(descriptors, near, 0.5, ALONE, 0.4)), abs=1e-9
    )


def test_distances_by_hand() -> None:
    # The positives are (1, 0) and (0, 3): the mean square of their lengths is 5. Their squared distances are
    # 1 and 9 from the first query, 4 and 2 from the second.
    queries, positives = [[0.0, 0.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 3.0]]
    descriptors = torch.tensor([queries, positives], dtype=torch.float64).transpose(0, 1)
    near = torch.eye(2, dtype=torch.bool)
    first = math.log(1 + math.exp((1 - 9) / 2 / 5 / 0.5))
    second = math.log(1 + math.exp((2 - 4) / 2 / 5 / 0.5))
    loss = contrastive_loss(descriptors, near, 0.5, ALONE, by_distance=True)
    assert float(loss) == pytest.approx((first + second) / 2, abs=1e-12)


def test_two_positives_of_a_place_by_hand() -> None:
    # The first query sees its positives at 0 and 90 degrees, the other place's at 180 and 60; each of its own
    # is to be told from those two, and not from each other.
    near, far = [0.5, math.sqrt(0.75)], [-1.0, 0.0]
    descriptors = torch.tensor(
        [[[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], far, near]], dtype=torch.float64
    )
    own = torch.tensor([[True, True, False, False], [False, False, True, True]])
    first = [math.log(1 + (math.exp(-1) + math.exp(0.5)) / math.exp(right)) for right in (1, 0)]
    # The second sees its own at 90 and 30 degrees, the first place's at 90 and 0.
    second = [math.log(1 + (math.exp(0) + math.exp(1)) / math.exp(right)) for right in (0, math.sqrt(0.75))]
    loss = contrastive_loss(descriptors, own, 1.0, ALONE)
    assert float(loss) == pytest.approx((sum(first) + sum(second)) / 4, abs=1e-12)


def test_neither_order_of_places_nor_lengths_matter() -> None:
    descriptors, near = world(1, 5, 80)
    loss = contrastive_loss(descriptors, near, 0.1, ALONE)
    order = torch.tensor([4, 0, 2, 3, 1])
    other = contrastive_loss(3 * descriptors[order], near[order][:, order], 0.1, ALONE)
    assert float(other) == pytest.approx(float(loss), rel=1e-12)


def test_equal_pictures_are_told_apart_by_chance() -> None:
    # Of four positives one is right, by day and by night, whatever the temperature.
    for temperature in (0.05, 1.0):
        loss = contrastive_loss(torch.ones(4, 3, 5), torch.eye(4).bool(), temperature, ALONE)
        assert float(loss) == pytest.approx(2 * math.log(4), rel=1e-6)


def test_night_is_drawn_to_the_day_of_its_place_and_pushed_from_others() -> None:
    descriptors = torch.eye(4)[torch.tensor([[0, 1, 2], [3, 3, 3]])].requires_grad_()
    contrastive_loss(descriptors, torch.eye(2).bool(), 0.5, ALONE).backward()
    gradient = descriptors.grad
    assert gradient is not None
    # A step goes against the gradient.
    assert gradient[0, 2, 1] < 0 < gradient[0, 2, 3]
    assert gradient[0, 0, 1] < 0 < gradient[0, 0, 3]
    # Night and day of a query are not compared with each other.
    assert gradient[0, 2, 0] == gradient[0, 0, 2] == 0


def test_a_near_positive_of_another_place_is_in_no_softmax() -> None:
    descriptors, near = world(2, 3, 1000)
    near[0, 1] = True
    descriptors.requires_grad_()
    contrastive_loss(descriptors, near, 0.1, ALONE).backward()
    with_mask = descriptors.grad
    assert with_mask is not None
    moved = descriptors.detach().clone().requires_grad_()
    unit = torch.nn.functional.normalize(moved, dim=2)
    seen = {0: [0, 2], 1: [0, 1, 2], 2: [0, 1, 2]}
    total = torch.zeros((), dtype=moved.dtype)
    for time in (0, 2):
        scores = unit[:, time] @ unit[:, 1].T / 0.1
        total = total + sum(
            torch.logsumexp(scores[one, others], 0) - scores[one, one] for one, others in seen.items()
        )
    (total / 3).backward()
    torch.testing.assert_close(with_mask, moved.grad)


def test_a_place_without_any_other_has_no_loss_and_no_gradient() -> None:
    descriptors, near = world(3, 3, 1)
    assert near.all()
    descriptors.requires_grad_()
    loss = contrastive_loss(descriptors, near, 0.05, ALONE)
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert descriptors.grad is not None and not descriptors.grad.any()


def test_what_is_near_is_left_as_it_was() -> None:
    _, near = world(4, 5, 40)
    before = near.clone()
    contrastive_loss(torch.ones(5, 3, 2), near, 1.0, ALONE)
    assert torch.equal(near, before)
