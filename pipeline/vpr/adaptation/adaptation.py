"""Adapt a model to night, with the original model as its teacher; a stopped run resumes."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.compute.device.precision import autocast, device_of, numbers_of, numeric_path
from pipeline.compute.device.threads import threads_within
from pipeline.compute.distributed.group import Group, device_of_process, joined_group
from pipeline.compute.distributed.training_curves import write_curves
from pipeline.compute.distributed.training_state import folder_of_run
from pipeline.compute.resources.timings import note_work
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.memory import keep_freed_memory
from pipeline.vpr.adaptation.estimate import announce_time, require_room_for_steps
from pipeline.vpr.adaptation.examples import adapting_data
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.adaptation.student import PICTURES, Lesson, require_learning
from pipeline.vpr.adaptation.teacher import load_teacher
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction
from pipeline.vpr.training.loop import Loop
from pipeline.vpr.training.losses import contrastive_loss
from pipeline.vpr.training.mining_rounds import Rounds
from pipeline.vpr.training.readable_check import require_readable
from pipeline.vpr.training.step import Learner
from pipeline.vpr.training.training_data import TrainingData
from pipeline.vpr.training.weight_averaging import averaged, weights_of

# Rooms whose code the weights depend on.
ROOMS = (
    *("pipeline/compute/device", "pipeline/compute/distributed", "pipeline/core"),
    *("pipeline/datasets/image_set", "pipeline/vpr/adaptation", "pipeline/vpr/augmentation"),
    *("pipeline/vpr/inputs", "pipeline/vpr/models", "pipeline/vpr/retrieval", "pipeline/vpr/training"),
)
# Points of the loss curve.
_POINTS = 10


@dataclass(frozen=True)
class AdaptSummary:
    """What a run did.

    steps: in total; started_at: those of an earlier run. first_loss, last_loss: means over the first and the
    last tenth of the steps.
    """

    steps: int
    started_at: int
    first_loss: float
    last_loss: float


def adapt(
    settings: AdaptSettings,
    model: Path,
    images: ImageSet,
    out: Path,
    work: Path,
    *,
    live: Path | None,
    device: str,
    workers: int,
) -> AdaptSummary:
    """Adapt the model in the folder `model` on `images`; write the new model and its terms into `out`.

    The loss curve goes to the folder `live`, or nowhere if it is None. States are saved in `work/<digest of
    dataset, teacher and settings>_<digest of code>` and removed at the end; until then, the same call resumes
    a stopped run. On a CPU the weights are the same, bit for bit, as without the stop. `workers` threads read
    images; their number does not change the result.
    """
    place = device_of_process(device_of(device))
    numbers = numbers_of(place, settings.autocast)
    keep_freed_memory()
    with joined_group(place) as group, threads_within(max(1, settings.cpu_threads // group.size)):
        extraction = Extraction(place, workers, numbers, group)
        path = numeric_path(place, numbers, torch.get_num_threads())
        if group.size > 1:
            path += f", {group.size} processes"
        teacher = load_teacher(model)
        known = {"teacher": teacher.digest, "set": images.digest, "path": path}
        folder = folder_of_run(work, known | {"settings": asdict(settings)}, ROOMS, group)
        student = teacher.student(settings.trainable)
        for network in (teacher.network, student):
            network.to(place, memory_format=torch.channels_last)  # type: ignore[call-overload]
        material = adapting_data(settings, images, workers)
        require_readable(images, (settings.split,), workers, group)
        lesson = Lesson(student, teacher.network if settings.index == "keep" else None)
        with autocast(place, numbers):
            require_learning(lesson, torch.zeros((1, 3, settings.height, settings.width), device=place))
        require_room_for_steps(settings, lesson, extraction)
        loop = _loop(settings, material, teacher.network, lesson, extraction, folder)
        loop.resume()
        started_at = loop.progress.batches
        announce_time(settings, lesson, extraction, settings.steps - started_at)
        loop.run_epoch()
        loop.save()
        curve = _curve(loop.progress.losses)
        if group.writes:
            if live is not None:
                write_curves(live, {step: {"loss": loss} for step, loss in curve.items()})
            kept = averaged(weights_of(student), teacher.weights_for(student), settings.teacher_share)
            student.load_state_dict(kept)
            record = {
                "dataset_digest": images.digest,
                "numeric_path": path,
                "learnt_from": settings.learnt_from,
                "teacher": known["teacher"],
                "height": settings.height,
                "width": settings.width,
            }
            teacher.save(out, student, settings.trainable, record)
            write_terms(out, read_terms(images.root), read_terms(model))
            shutil.rmtree(folder, ignore_errors=True)
    done = loop.progress.batches
    note_work(of=done * settings.batch, done=(done - started_at) * settings.batch)
    losses = list(curve.values())
    return AdaptSummary(done, started_at, losses[0], losses[-1])


def _loop(
    settings: AdaptSettings,
    material: TrainingData,
    teacher: nn.Module,
    lesson: Lesson,
    extraction: Extraction,
    folder: Path,
) -> Loop:
    def loss(descriptors: Tensor, rows: np.ndarray, group: Group) -> Tensor:
        near = torch.from_numpy(material.near(rows)).to(descriptors.device)
        places = descriptors.unflatten(0, (-1, PICTURES))
        # An index that is kept has the teacher's lengths too.
        kept = settings.index == "keep"
        return contrastive_loss(
            places, near, settings.temperature, group, settings.night_weight, by_distance=kept
        )

    learning = [value for value in lesson.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(learning, lr=settings.lr, fused=extraction.device.type == "cuda")
    learner = Learner(lesson, optimizer, loss, extraction.device, extraction.numbers, extraction.group)
    # The teacher chooses the positive of each place.
    rounds = Rounds(settings.rounds(len(material.places.kept)), material, teacher, extraction)
    return Loop(rounds, material.reader, learner, settings.lr_after, folder)


def _curve(losses: Sequence[float]) -> dict[int, float]:
    """The mean losses of about ten parts of the run, by the last step of each part.

    `DusklineError` for a loss that is not a number.
    """
    if not np.isfinite(losses).all():
        raise DusklineError(
            "the adaptation failed: a loss is NaN or infinite", hint="use a smaller lr, or autocast: 'off'"
        )
    pieces = np.array_split(np.asarray(losses), min(_POINTS, len(losses)))
    ends = np.cumsum([len(piece) for piece in pieces])
    return {int(end): float(piece.mean()) for end, piece in zip(ends, pieces, strict=True)}
