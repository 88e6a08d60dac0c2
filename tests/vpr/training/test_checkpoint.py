"""Saved states that a crash of the machine has spoilt; whole ones go on in test_training.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.runtime.errors import DusklineError
from pipeline.vpr.training.checkpoint import Progress, load_state, save_state
from tests.vpr.tiny import CPU


def state() -> tuple[nn.Module, torch.optim.Optimizer]:
    network = nn.Linear(2, 2)
    return network, torch.optim.Adam(network.parameters())


def test_without_a_state_the_beginning_is_given(tmp_path: Path) -> None:
    assert load_state(tmp_path / "state.pt", *state(), CPU).epoch == 0


def test_a_state_comes_back(tmp_path: Path) -> None:
    network, optimizer = state()
    save_state(tmp_path / "state.pt", network, optimizer, Progress(epoch=3, best=0.5))
    other, _ = state()
    found = load_state(tmp_path / "state.pt", other, optimizer, CPU)
    assert (found.epoch, found.best) == (3, 0.5)
    assert torch.equal(other.weight, network.weight)


@pytest.mark.parametrize("how", ["zeros", "cut"])
def test_a_damaged_state_is_named_with_what_to_do(tmp_path: Path, how: str) -> None:
    path = tmp_path / "state.pt"
    save_state(path, *state(), Progress())
    whole = path.read_bytes()
    path.write_bytes(bytes(len(whole)) if how == "zeros" else whole[: len(whole) // 2])
    with pytest.raises(DusklineError, match=f"the saved state {path} is damaged") as caught:
        load_state(path, *state(), CPU)
    assert "remove it: the training then begins anew" in caught.value.hint
