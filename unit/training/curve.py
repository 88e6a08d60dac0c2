"""The loss curve of a training run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Curve:
    """Rows of means: each over the iterations since the row before it."""

    def __init__(self) -> None:
        # By the number of iterations done.
        self.rows: dict[int, dict[str, float]] = {}
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def add(self, losses: dict[str, Tensor]) -> None:
        """Add the losses of one iteration; nothing waits for the device."""
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(loss)) + loss
        self._count += 1

    def close_row(self, iteration: int, **measured: float) -> None:
        """End a row after `iteration` iterations, with the values `measured` there."""
        means = {name: float(total) / self._count for name, total in self._sums.items()}
        self.rows[iteration] = means | measured
        self._sums, self._count = {}, 0

    def state(self) -> dict[str, Any]:
        """The state to resume from, as nested dicts of tensors and numbers."""
        return {"rows": self.rows, "sums": self._sums, "count": self._count}

    def load_state(self, state: dict[str, Any]) -> None:
        """Resume from the return value of `state`."""
        self.rows, self._sums, self._count = state["rows"], state["sums"], state["count"]
