"""Averages of weights."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.vpr.training.weight_averaging import averaged, weights_of


def test_a_share_of_the_start_is_averaged_in_and_counts_stay() -> None:
    network = nn.BatchNorm2d(2)
    start = weights_of(network)
    network.weight.data += 4.0
    network.running_mean += 8.0  # type: ignore[operator]
    network.num_batches_tracked += 3  # type: ignore[operator]
    learnt = weights_of(network)
    found = averaged(learnt, start, 0.25)
    assert found["weight"].tolist() == [4.0, 4.0]
    assert found["running_mean"].tolist() == [6.0, 6.0]
    assert int(found["num_batches_tracked"]) == 3
    assert all(torch.equal(averaged(learnt, start, 1.0)[name], start[name]) for name in ("weight", "bias"))


def test_without_a_share_all_stays_as_learnt_and_no_start_is_needed() -> None:
    learnt = weights_of(nn.Linear(2, 2))
    found = averaged(learnt, {}, 0.0)
    assert all(torch.equal(found[name], learnt[name]) for name in learnt)


def test_weights_taken_out_do_not_follow_the_network() -> None:
    network = nn.Linear(2, 2)
    before = weights_of(network)
    kept = before["weight"].clone()
    network.weight.data += 1.0
    assert torch.equal(before["weight"], kept)
