"""The book-keeping of a training run: crops in; states, loss curve and sheets out."""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.core.errors import DusklineError
from pipeline.core.files import write_csv
from unit.train_pictures import CropSource
from unit.train_settings import TrainSettings
from unit.train_sheet import write_sheet
from unit.train_state import load_state, save_state
from unit.train_step import Trainer

# Iterations between two looks at whether all losses are numbers; each look waits for the device.
_LOOK_EVERY = 20


class Run:
    """One run in its folder: an iteration at a time, with what is then due."""

    def __init__(
        self, settings: TrainSettings, trainer: Trainer, sources: list[CropSource], folder: Path
    ) -> None:
        self.settings = settings
        self.trainer = trainer
        self.sources = sources
        self.folder = folder
        self._rows: list[dict[str, float]] = []
        self._sums: dict[str, torch.Tensor] = {}
        self._summed = 0
        # Losses of iterations that have not been looked at, by iteration.
        self._unseen: dict[int, dict[str, torch.Tensor]] = {}

    def resume(self) -> int:
        """Load the saved state of these pictures and settings, if any; the iteration to go on with."""
        found = load_state(self.folder, self.settings.iterations, self.trainer.device)
        if found is None:
            return 0
        iteration, state = found
        self.trainer.load_state(state["trainer"])
        self._rows = state["losses"]
        return iteration

    def iterate(self, iteration: int) -> None:
        """Train on the crops of `iteration`, then save and show what is due."""
        settings = self.settings
        day, night = (source.batch_at(iteration, settings.batch) for source in self.sources)
        losses = self.trainer.step(day, night, iteration)
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(loss)) + loss
        self._summed += 1
        self._unseen[iteration] = losses
        done = iteration + 1
        if len(self._unseen) == _LOOK_EVERY:
            self._require_numbers()
        if done % settings.save_every == 0 or done == settings.iterations:
            self._save(done)
        if settings.sheet_every and (done % settings.sheet_every == 0 or done == settings.iterations):
            self._sheet(done)

    def last_losses(self) -> dict[str, float]:
        """The newest row of the loss curve."""
        return (
            {name: value for name, value in self._rows[-1].items() if name != "iteration"}
            if self._rows
            else {}
        )

    def _save(self, done: int) -> None:
        self._require_numbers()
        if not self.trainer.is_finite():
            # A weight that broke any earlier would have shown in the losses of the iteration after it.
            raise self._broken(done - 1, "weights or their moments")
        means = {name: float(total) / self._summed for name, total in self._sums.items()}
        self._rows.append({"iteration": done, **means})
        self._sums, self._summed = {}, 0
        save_state(self.folder, done, {"trainer": self.trainer.state(), "losses": self._rows})
        # The tied iterations have fewer losses than the others.
        header = list(dict.fromkeys(name for row in self._rows for name in row))
        rows = [[format(row[name], ".6g") if name in row else "" for name in header] for row in self._rows]
        write_csv(self.folder / "losses.csv", header, rows)

    def _require_numbers(self) -> None:
        """`DusklineError` for the first of the unseen iterations that has a loss which is not a number."""
        for iteration, losses in self._unseen.items():
            finite = torch.stack(list(losses.values())).isfinite().tolist()
            broken = [name for name, good in zip(losses, finite, strict=True) if not good]
            if broken:
                raise self._broken(iteration, *broken)
        self._unseen.clear()

    def _broken(self, iteration: int, *what: str) -> DusklineError:
        first = iteration * self.settings.batch
        places = range(first, first + self.settings.batch)
        pictures = [str(source.path_at(place)) for source in self.sources for place in places]
        return DusklineError(
            f"training broke in iteration {iteration + 1}: not a number: {', '.join(what)};"
            f" its pictures: {', '.join(pictures)}",
            hint=f"look at the pictures; the last good state is kept in {self.folder}; try a smaller lr, or"
            " autocast off",
        )

    def _sheet(self, done: int) -> None:
        day, night = (source.paths for source in self.sources)
        write_sheet(
            self.folder / f"sheet_{done:08d}.png",
            self.trainer.mean_a,
            self.trainer.mean_b,
            day,
            night,
            self.settings.shorter_side,
        )
