"""A training run from two unpaired folders to a checkpoint, going on where it stopped."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from pipeline.core.errors import DusklineError, ParameterError
from pipeline.core.files import digest_document, digest_file, write_csv, written_beside
from pipeline.core.memory import keep_freed_memory
from pipeline.core.progress import progress
from unit.checkpoint import save_checkpoint
from unit.numeric import resolved_autocast
from unit.train_pictures import CropSource
from unit.train_settings import TrainSettings
from unit.train_sheet import write_sheet
from unit.train_step import Trainer
from unit.vgg import load_vgg

# Settings that change when something is written, when the run ends or what memory it takes, not its numbers.
_NOT_IN_KEY = ("iterations", "save_every", "sheet_every", "export", "checkpointing")
_DAY, _NIGHT = 0, 1


@dataclass(frozen=True)
class TrainSummary:
    """What a run did.

    iterations: of the exported weights. started_at: 0, or where an earlier run had stopped.
    seconds: of this run. losses: means since the saved state before, by name.
    folder: where state, loss curve and sheets lie. autocast: "off" or "bfloat16", what the setting came to.
    """

    iterations: int
    started_at: int
    seconds: float
    losses: dict[str, float]
    folder: Path
    autocast: str


def train(
    settings: TrainSettings,
    day: Path,
    night: Path,
    out: Path,
    work: Path,
    *,
    vgg: Path | None = None,
    device: str = "cpu",
    threads: int = 1,
) -> TrainSummary:
    """Train on the pictures under `day` and `night`, unpaired, and write the generators to `out`.

    The state is saved in `work/<digest of pictures and settings>` every `save_every` iterations, beside
    `losses.csv` and `sheet_<iteration>.png`; the same call goes on from there, and a larger `iterations`
    continues a finished run. On a CPU an interrupted run ends in the same weights, bit for bit, as one that
    was not. Each of the `threads` works on one picture of the batch, which does not change a bit either; only
    where there are twice as many of them as pictures do they share one, and its sums are rounded otherwise.
    `vgg` is a file of weights for the perceptual term, wanted when its factor is not 0, and only then.

    Raises `DusklineError` when a loss is no longer a number.
    """
    if settings.vgg_w and vgg is None:
        raise ParameterError(
            "vgg_w is not 0, but no VGG-16 weights are given", hint="set vgg_w to 0, or vgg to their file"
        )
    if vgg is not None and not settings.vgg_w:
        raise ParameterError(
            f"vgg_w is 0, so the VGG-16 weights at {vgg} would not be used", hint="set vgg to none"
        )
    features = None if vgg is None else load_vgg(vgg, settings.vgg_input).to(device)
    crop = (settings.crop_height, settings.crop_width)
    sources = [
        CropSource(folder, settings.shorter_side, crop, settings.seed, stream)
        for folder, stream in ((day, _DAY), (night, _NIGHT))
    ]
    autocast = resolved_autocast(settings.autocast, device)
    folder = work / _key(replace(settings, autocast=autocast), sources, vgg)
    keep_freed_memory()
    started = time.monotonic()
    with _threads_within(max(1, threads // settings.batch)):
        trainer = Trainer(settings, device, features, min(threads, settings.batch))
        run = _Run(settings, trainer, sources, folder)
        started_at = run.resume()
        left = range(started_at, settings.iterations)
        for iteration in progress(left, label="train", unit="iteration"):
            run.iterate(iteration)
    dtype = torch.float16 if settings.export == "float16" else torch.float32
    save_checkpoint(out, trainer.mean_a, trainer.mean_b, dtype)
    return TrainSummary(
        settings.iterations, started_at, time.monotonic() - started, run.last_losses(), folder, autocast
    )


@contextlib.contextmanager
def _threads_within(count: int) -> Iterator[None]:
    """Let each operation of torch use `count` threads in the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _key(settings: TrainSettings, sources: list[CropSource], vgg: Path | None) -> str:
    choices = {name: value for name, value in asdict(settings).items() if name not in _NOT_IN_KEY}
    inputs = [source.digest() for source in sources] + ([digest_file(vgg)] if vgg is not None else [])
    return digest_document({"settings": choices, "inputs": inputs})[:32]


class _Run:
    """The loop's book-keeping: crops in, state, loss curve and sheets out."""

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

    def resume(self) -> int:
        """Load the saved state of these pictures and settings, if any; the iteration to go on with."""
        path = self.folder / "state.pt"
        if not path.is_file():
            return 0
        state: dict[str, Any] = torch.load(path, map_location=self.trainer.device, weights_only=True)
        if state["iteration"] > self.settings.iterations:
            # A shorter run than the one before: its weights are not kept, so it starts again.
            return 0
        self.trainer.load_state(state["trainer"])
        self._rows = state["losses"]
        return int(state["iteration"])

    def iterate(self, iteration: int) -> None:
        """Train on the crops of `iteration`, then save and show what is due."""
        settings = self.settings
        day, night = (source.batch_at(iteration, settings.batch) for source in self.sources)
        for name, loss in self.trainer.step(day, night, iteration).items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(loss)) + loss
        self._summed += 1
        done = iteration + 1
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
        means = {name: float(total) / self._summed for name, total in self._sums.items()}
        if not all(math.isfinite(value) for value in means.values()):
            raise DusklineError(
                f"training broke: a loss is not a number between iterations {done - self._summed} and {done}",
                hint=f"the last good state is kept in {self.folder}; try a smaller lr, or autocast off",
            )
        self._rows.append({"iteration": done, **means})
        self._sums, self._summed = {}, 0
        with written_beside(self.folder / "state.pt") as stream:
            torch.save({"iteration": done, "trainer": self.trainer.state(), "losses": self._rows}, stream)
        # The tied iterations have fewer losses than the others.
        header = list(dict.fromkeys(name for row in self._rows for name in row))
        rows = [[format(row[name], ".6g") if name in row else "" for name in header] for row in self._rows]
        write_csv(self.folder / "losses.csv", header, rows)

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
