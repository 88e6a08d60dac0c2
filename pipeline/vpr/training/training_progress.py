"""The progress of a training run, apart from its network and optimizer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

_ARRAYS = ("rows", "pairs", "similar")


@dataclass
class Progress:
    """Counters and results of a run so far.

    epoch, round: the current ones, from 0. rows: examples of the current round, empty before they are mined;
    step: number of batches of them that are done. losses: of the steps of this epoch. history: one row for
    each finished epoch. best: R@5 on val in per cent, of epoch `best_epoch`. memory: hard negatives of full
    mining. pairs: (K, 2) each kept query and its nearest positive before training, for runs that mine once;
    similar: its similar places, for batches of these. start_weights: initial weights, if they are averaged.
    """

    epoch: int = 0
    round: int = 0
    step: int = 0
    batches: int = 0
    rows: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    losses: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)
    best: float = -1.0
    best_epoch: int = -1
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    memory: list[np.ndarray] = field(default_factory=list)
    pairs: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    similar: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    start_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """Plain values and tensors, which `torch.load` reads without running code."""
        arrays = {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in _ARRAYS}
        memory = [torch.from_numpy(np.ascontiguousarray(entry)) for entry in self.memory]
        return self.__dict__ | arrays | {"memory": memory}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Progress:
        """The inverse of `to_document`."""
        arrays = {name: document[name].numpy() for name in _ARRAYS}
        return cls(**document | arrays | {"memory": [entry.numpy() for entry in document["memory"]]})
