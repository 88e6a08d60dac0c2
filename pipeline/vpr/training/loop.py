"""The training loop, which resumes from a saved state."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pipeline.compute.distributed.training_state import load_state, save_state
from pipeline.runtime.progress import progress
from pipeline.vpr.training.examples.tuple_loader import ExampleReader
from pipeline.vpr.training.mining_rounds import Rounds
from pipeline.vpr.training.step import Learner
from pipeline.vpr.training.training_progress import Progress

# Seconds between two saved states: the most that a killed run loses, apart from the current step.
SAVE_EVERY = 60.0


class Loop:
    """Rounds of steps: `rounds` finds the examples, `reader` reads their images, `learner` trains on them.

    lr_after: the learning rate after a number of epochs. States are saved in `folder`, that of the run.
    """

    def __init__(
        self,
        rounds: Rounds,
        reader: ExampleReader,
        learner: Learner,
        lr_after: Callable[[float], float],
        folder: Path,
    ) -> None:
        self.rounds = rounds
        self.reader = reader
        self.learner = learner
        self.lr_after = lr_after
        self.folder = folder
        self.progress = Progress()
        # Losses that are not in `progress` yet, because reading one waits for the device.
        self._losses: list[torch.Tensor] = []
        self._saved = time.monotonic()

    def resume(self) -> bool:
        """Load the newest saved state, if there is one."""
        # To main memory, where everything but the weights stays.
        found = load_state(self.folder, self.learner.group, torch.device("cpu"))
        if found is None:
            return False
        _, state = found
        self.learner.network.load_state_dict(state["network"])
        self.learner.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress.from_document(state["progress"])
        return True

    def run_epoch(self) -> None:
        """Run the remaining rounds of the current epoch."""
        left = range(self.progress.round, self.rounds.of_an_epoch)
        for _ in progress(left, label="train", unit="round"):
            self._round()

    def save(self) -> None:
        """Save the state of the run."""
        self._take_losses()
        if self.learner.group.writes:
            state = {
                "network": self.learner.network.state_dict(),
                "optimizer": self.learner.optimizer.state_dict(),
                "progress": self.progress.to_document(),
            }
            save_state(self.folder, self.progress.batches, state)
        self._saved = time.monotonic()

    def _round(self) -> None:
        """Mine examples, unless the saved state has them, and train on them."""
        done = self.progress
        if not len(done.rows):
            self.rounds.mine(done)
        batch = self.rounds.settings.batch
        parts = [done.rows[start : start + batch] for start in range(0, len(done.rows), batch)]
        left = parts[done.step :]
        shares = [self.learner.group.share(part) for part in left]
        read = self.reader.batches(shares, done.epoch, done.round)
        for part, images in zip(left, read, strict=True):
            self._set_learning_rate()
            self._losses.append(self.learner.learn(images, part))
            done.step += 1
            done.batches += 1
            if time.monotonic() - self._saved > SAVE_EVERY:
                self.save()
        self._take_losses()
        done.rows, done.step, done.round = np.zeros((0, 0), np.int64), 0, done.round + 1

    def _take_losses(self) -> None:
        if self._losses:
            self.progress.losses += torch.stack(self._losses).tolist()
        self._losses.clear()

    def _set_learning_rate(self) -> None:
        done, settings = self.progress, self.rounds.settings
        learnt = done.round * self.rounds.size + done.step * settings.batch
        for group in self.learner.optimizer.param_groups:
            group["lr"] = self.lr_after(done.epoch + learnt / settings.queries_per_epoch)
