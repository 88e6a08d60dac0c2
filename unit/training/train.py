"""Train UNIT on two unpaired sides and write a checkpoint; a stopped run resumes."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from pipeline.compute.device.precision import numbers_of
from pipeline.compute.device.threads import threads_within
from pipeline.compute.distributed.group import Group, device_of_process, joined_group
from pipeline.compute.distributed.training_state import folder_of_run
from pipeline.compute.resources.memory import require_memory
from pipeline.compute.resources.timings import note_work
from pipeline.core.files import digest_document, digest_file
from pipeline.runtime.errors import BadImageError, ParameterError
from pipeline.runtime.memory import keep_freed_memory
from pipeline.runtime.progress import progress
from unit.data.domain_images import Side
from unit.network.checkpoint import save_checkpoint
from unit.training.estimate import Timing, memory_of_training
from unit.training.run import Run
from unit.training.settings import TrainSettings
from unit.training.step import Trainer
from unit.training.training_images import CropSource, read_crops
from unit.training.unreadable import require_readable, take_over_states
from unit.training.vgg import load_vgg

# Settings that change the length of a run, its outputs or its memory, but none of its numbers.
_NOT_IN_KEY = ("iterations", "sheet_every", "keep", "export", "checkpointing")
# Rooms whose code the weights depend on.
ROOMS = (
    *("pipeline/compute/device", "pipeline/compute/distributed", "pipeline/core"),
    *("unit/data", "unit/network", "unit/training"),
)
_DAY, _NIGHT = 0, 1
_LESS_MEMORY = (
    "set checkpointing: true or autocast: auto, or use smaller crops, a smaller batch or a smaller dim"
)


@dataclass(frozen=True)
class TrainSummary:
    """What a run did.

    iterations: in total. started_at: 0, or the iterations of an earlier, stopped run. seconds: of this run.
    losses: the last row of the curve. exported: the iteration of the exported weights; error: their
    `recovery_error`. folder: of the states and earlier sheets. autocast: the resolved setting, "off" or
    "bfloat16".
    """

    iterations: int
    started_at: int
    seconds: float
    losses: dict[str, float]
    exported: int
    error: float
    folder: Path
    autocast: str


def train(
    settings: TrainSettings,
    day: Side,
    night: Side,
    out: Path,
    work: Path,
    *,
    live: Path,
    vgg: Path | None = None,
    device: str = "cpu",
    threads: int = 1,
) -> TrainSummary:
    """Train on the images of `day` and `night`, unpaired, and write the generators to `out`.

    Curves of the losses and of the `recovery_error`, and a sheet of samples of the exported weights, go to
    the folder `live` in the format of DVCLive. The state is saved in `work/<digest of images and
    settings>_<digest of code>` every `save_every` iterations, beside `sheet_<iteration>.jpg`; the same call
    resumes from there, and a larger `iterations` continues a finished run. On a CPU an interrupted run gives
    the same bytes as an uninterrupted one. Each of the `threads` computes one image of the batch, which does
    not change a bit; only with at least twice as many threads as images, several share an image, and its sums
    are rounded differently. Under `torchrun` each process computes a share of every batch, with the same
    weights up to the rounding of sums; the first one reads and writes states, curves, sheets and `out`. The
    number of processes is part of the digest. `vgg` is a weights file for the perceptual loss, needed if its
    weight is not 0, and only then. The log says before the first iteration how much memory and time the run
    needs.

    The state before the newest is kept too, and is used if the newest file is damaged.

    Every image is read once before the first iteration; `BadImageError` names those that cannot be read. A
    run that stopped because of images resumes from its last state once they are fixed or removed. Raises
    `DusklineError` when the run does not fit into memory, and when a loss is NaN or infinite; it names the
    iteration and its images. Raises `ParameterError` when the batch is smaller than the number of processes,
    or cannot be shared.
    """
    _require_vgg_where_it_counts(settings, vgg)
    place = device_of_process(torch.device(device))
    keep_freed_memory()
    started = time.monotonic()
    with joined_group(place) as group, threads_within(max(1, threads // settings.batch)):
        require_shares(settings, group)
        crop = (settings.crop_height, settings.crop_width)
        sources = [
            CropSource(side, settings.shorter_side, crop, settings.seed, stream, settings.zoom)
            for side, stream in ((day, _DAY), (night, _NIGHT))
        ]
        autocast = numbers_of(place, settings.autocast)
        others = _dependencies(replace(settings, autocast=autocast), vgg, group)
        pictures = {"pictures": [source.side.digest() for source in sources]}
        folder = folder_of_run(work, others | pictures, ROOMS, group)
        like = digest_document(others)
        if group.writes:
            take_over_states(sources, folder, like)
        features = None if vgg is None else load_vgg(vgg, settings.vgg_input)
        side_by_side = max(1, min(threads // group.size, len(group.share(range(settings.batch)))))
        memory = memory_of_training(settings, len(group.share(range(settings.batch))), autocast, features)
        require_memory("this training run", memory, place, _LESS_MEMORY)
        features = None if features is None else features.to(place)
        trainer = Trainer(settings, str(place), features, side_by_side, group)
        require_readable(sources, folder, like, threads, group)
        run = Run(settings, trainer, sources, folder, live)
        started_at = run.resume()
        machine = f"{place.type}, {threads} threads, {group.size} processes"
        timing = Timing(settings, machine, work)
        if group.writes:
            timing.announce(memory, started_at)
        left = range(started_at, settings.iterations)
        try:
            with contextlib.closing(read_crops(sources, map(run.own_positions, left), threads)) as crops:
                iterations = progress(left, label="train", unit="iteration")
                for iteration, (of_day, of_night) in zip(iterations, crops, strict=True):
                    run.iterate(iteration, of_day, of_night)
                    if group.writes:
                        timing.done(iteration)
            exported = run.finish()
        except BadImageError:
            # Removed or damaged meanwhile: the same may be true of other images.
            require_readable(sources, folder, like, threads)
            raise
    note_work(of=settings.iterations, done=len(left))
    if group.writes:
        dtype = torch.float16 if settings.export == "float16" else torch.float32
        save_checkpoint(out, *exported.generators(trainer.mean_a), dtype)
    return TrainSummary(
        settings.iterations,
        started_at,
        time.monotonic() - started,
        run.last_losses(),
        exported.iteration,
        exported.error,
        folder,
        autocast,
    )


def _require_vgg_where_it_counts(settings: TrainSettings, vgg: Path | None) -> None:
    if settings.vgg_w and vgg is None:
        raise ParameterError(
            "vgg_w is not 0, but no VGG-16 weights are given", hint="set vgg_w to 0, or set vgg to their file"
        )
    if vgg is not None and not settings.vgg_w:
        raise ParameterError(
            f"vgg_w is 0, so the VGG-16 weights at {vgg} would not be used", hint="set vgg to none"
        )


def require_shares(settings: TrainSettings, group: Group) -> None:
    """Raise `ParameterError` where the processes of `group` cannot share the batch."""
    if settings.batch < group.size:
        raise ParameterError(
            f"batch is {settings.batch}, too few images for {group.size} processes",
            hint="start fewer processes, or raise batch",
        )
    if group.size > 1 and settings.dis_norm == "batch":
        raise ParameterError(
            f"dis_norm batch needs the whole batch in one process, but there are {group.size} processes",
            hint="train in one process, or use another dis_norm",
        )


def _dependencies(settings: TrainSettings, vgg: Path | None, group: Group) -> dict[str, object]:
    """Everything that the weights depend on, except the images and the code."""
    choices = {name: value for name, value in asdict(settings).items() if name not in _NOT_IN_KEY}
    # Several processes round the sums over a batch differently.
    shared = {"processes": group.size} if group.size > 1 else {}
    return {"settings": choices, "vgg": None if vgg is None else digest_file(vgg), **shared}
