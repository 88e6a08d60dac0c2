from __future__ import annotations

import pytest
import torch

from pipeline.compute.resources import memory
from pipeline.runtime.errors import DusklineError


def test_more_than_there_is_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda _: 2_000_000_000)
    memory.require_memory("a step", 2_000_000_000, torch.device("cpu"), "lower batch")
    with pytest.raises(DusklineError) as caught:
        memory.require_memory("a step", 2_100_000_000, torch.device("cpu"), "lower batch")
    assert "a step would take about 2.1 GB of memory, but 2.0 GB are free on cpu" in str(caught.value)
    assert "lower batch" in str(caught.value)


def test_what_was_freed_and_kept_can_be_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    monkeypatch.setattr(memory, "kept_memory", lambda: 500)
    assert memory.available_bytes(torch.device("cpu")) == 1500
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    assert memory.available_bytes(torch.device("cpu")) is None
