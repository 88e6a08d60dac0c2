"""A training run in its folder: writes states, loss curves and sheets of samples."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from pipeline.compute.distributed.training_curves import write_curves
from pipeline.compute.distributed.training_state import load_state, save_state
from pipeline.runtime.errors import DusklineError
from unit.network.network import Generator
from unit.training.best_checkpoint import ScoredWeights, better, score_weights
from unit.training.curve import Curve
from unit.training.sample_sheet import write_sheet
from unit.training.settings import TrainSettings
from unit.training.step import Trainer
from unit.training.training_images import CropSource

# Iterations between two checks that all losses are finite; each check waits for the device.
_LOOK_EVERY = 20
# Images of each domain that weights are scored on.
_SCORED_ON = 4


class Run:
    """One run in its folder, one iteration at a time.

    After multiples of `save_every` a row of the curve ends and the weights are scored. A run that ends in
    between does not save its last row, so that continuing it gives the same result as one long run. Several
    processes all keep the same records, and the first one writes them.
    """

    def __init__(
        self, settings: TrainSettings, trainer: Trainer, sources: list[CropSource], folder: Path, live: Path
    ) -> None:
        self.settings = settings
        self.trainer = trainer
        self.group = trainer.group
        self.sources = sources
        self.folder = folder
        self.live = live
        self.curve = Curve()
        self.best: ScoredWeights | None = None
        self._scored_on = [source.middles(_SCORED_ON) for source in sources]
        # Losses that have not been checked yet, by iteration.
        self._unseen: dict[int, dict[str, Tensor]] = {}

    def resume(self) -> int:
        """Load the saved state of these images and settings, if any; return the next iteration."""
        most = self.settings.iterations
        found = load_state(self.folder, self.group, self.trainer.device, at_most=most)
        if found is None:
            return 0
        iteration, state = found
        self.trainer.load_state(state["trainer"])
        self.curve.load_state(state["curve"])
        self.best = None if state["best"] is None else ScoredWeights.of_state(state["best"])
        return iteration

    def own_positions(self, iteration: int) -> range:
        """The numbers of the crops of this process in an iteration."""
        mine: range = self.group.share(self._positions(iteration))
        return mine

    def iterate(self, iteration: int, day: Tensor, night: Tensor) -> None:
        """Train on the crops of `iteration`, (N, 3, H, W) each, then save the state and the sheet if due."""
        settings = self.settings
        losses = self.trainer.step(day, night, iteration)
        self.curve.add(losses)
        self._unseen[iteration] = losses
        done = iteration + 1
        if len(self._unseen) == _LOOK_EVERY:
            self._require_numbers()
        if done % settings.save_every == 0 or done == settings.iterations:
            self._save(done)
        if settings.sheet_every and done % settings.sheet_every == 0 and done < settings.iterations:
            self._sheet(self.folder / f"sheet_{done:08d}.jpg", self.trainer.mean_a, self.trainer.mean_b)

    def finish(self) -> ScoredWeights:
        """Write the whole curve and the last sheet; return the weights to export."""
        done = self.settings.iterations
        last = self._score(done)
        if done % self.settings.save_every:
            self._take(last)
        exported = last if self.settings.keep == "last" or self.best is None else self.best
        of_run = {"exported_iteration": exported.iteration, "exported_recovery_error": exported.error}
        if self.group.writes:
            write_curves(self.live, self.curve.rows, **of_run)
        if self.settings.sheet_every:
            generators = exported.generators(self.trainer.mean_a)
            self._sheet(self.live / "plots" / "images" / "sheet.jpg", *generators)
        return exported

    def last_losses(self) -> dict[str, float]:
        """The newest row of the curve."""
        return self.curve.rows[self.settings.iterations]

    def _save(self, done: int) -> None:
        self._require_numbers()
        if not self.trainer.is_finite():
            # An earlier fault would have shown in the losses of the next iteration.
            raise self._broken(done - 1, "weights or Adam's moments")
        if done % self.settings.save_every == 0:
            self._take(self._score(done))
        best = None if self.best is None else self.best.state()
        state = {"trainer": self.trainer.state(), "curve": self.curve.state(), "best": best}
        if self.group.writes:
            save_state(self.folder, done, state)
            write_curves(self.live, self.curve.rows)

    def _score(self, done: int) -> ScoredWeights:
        scored = score_weights(done, self.trainer.mean_a, self.trainer.mean_b, *self._scored_on)
        if not math.isfinite(scored.error):
            raise self._broken(done - 1, "recovery_error")
        return scored

    def _take(self, scored: ScoredWeights) -> None:
        """End a row of the curve with these weights, and keep them if they are the best so far."""
        self.curve.close_row(scored.iteration, recovery_error=scored.error)
        self.best = better(self.best, scored)

    def _require_numbers(self) -> None:
        """`DusklineError` for the first unchecked iteration with a NaN or infinite loss."""
        for iteration, losses in self._unseen.items():
            finite = torch.stack(list(losses.values())).isfinite().tolist()
            broken = [name for name, good in zip(losses, finite, strict=True) if not good]
            if broken:
                raise self._broken(iteration, *broken)
        self._unseen.clear()

    def _positions(self, iteration: int) -> range:
        """The numbers of the crops of all processes in an iteration."""
        first = iteration * self.settings.batch
        return range(first, first + self.settings.batch)

    def _broken(self, iteration: int, *what: str) -> DusklineError:
        places = self._positions(iteration)
        pictures = [str(source.path_at(place)) for source in self.sources for place in places]
        return DusklineError(
            f"training failed in iteration {iteration + 1}: NaN or infinite: {', '.join(what)};"
            f" its images: {', '.join(pictures)}",
            hint="check these images; use a smaller lr, or autocast: 'off'; the last good state is kept in"
            f" {self.folder}",
        )

    def _sheet(self, target: Path, a: Generator, b: Generator) -> None:
        if not self.group.writes:
            return
        day, night = (source.paths for source in self.sources)
        write_sheet(target, a, b, day, night, self.settings.shorter_side)
