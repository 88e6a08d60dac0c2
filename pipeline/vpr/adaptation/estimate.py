"""Estimate the memory and time of an adaptation before it starts."""

from __future__ import annotations

import logging
import time

import torch

from pipeline.compute.device.precision import autocast
from pipeline.compute.device.transfer import to_device
from pipeline.compute.resources.memory import require_memory
from pipeline.runtime.human_readable import duration
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.adaptation.student import PICTURES, Lesson
from pipeline.vpr.retrieval.batchnorm_folding import folded_train_mode
from pipeline.vpr.retrieval.memory_estimate import extraction_bytes, footprint, step_bytes
from pipeline.vpr.retrieval.retrieval_evaluation import Extraction

_LOG = logging.getLogger(__name__)

# Input batches in memory at once: one in the networks and two read ahead.
_INPUTS = 3
_LESS = "lower batch, height or width, train fewer layers, or set autocast: bfloat16"


def require_room_for_steps(settings: AdaptSettings, lesson: Lesson, extraction: Extraction) -> None:
    """Raise `DusklineError` when a step does not fit into memory; the hint says what to lower."""
    require_memory(
        f"a step of {settings.batch} places with their nights at {settings.width}x{settings.height}",
        (extraction.group.size if extraction.device.type == "cpu" else 1)
        * bytes_of_a_step(settings, lesson, extraction),
        extraction.device,
        _LESS,
    )


def bytes_of_a_step(settings: AdaptSettings, lesson: Lesson, extraction: Extraction) -> int:
    """Peak memory of a step in one process, without the weights of both networks."""
    picture = torch.zeros((1, 3, settings.height, settings.width), device=extraction.device)
    # The student alone, in eval mode, in which it is trained.
    alone = Lesson(lesson.student, None)
    with autocast(extraction.device, extraction.numbers), folded_train_mode(alone.train()):
        found = footprint(alone, picture, learning=True)
    places = -(-settings.batch // extraction.group.size)
    # The teacher, which is as large, stores no activations of the positives.
    taught = places if settings.index == "keep" else 0
    weights = sum(value.nbytes for value in lesson.parameters() if value.requires_grad)
    needed = step_bytes(found, places * PICTURES - taught, weights) + extraction_bytes(found, taught)
    return needed + _INPUTS * places * PICTURES * picture.nbytes


def announce_time(settings: AdaptSettings, lesson: Lesson, extraction: Extraction, left: int) -> None:
    """Log how long the `left` steps will take, measured on empty images without updating the weights."""
    places = len(extraction.group.share(range(settings.batch)))
    pictures = torch.zeros((places * PICTURES, 3, settings.height, settings.width))
    pictures = to_device(pictures.contiguous(memory_format=torch.channels_last), extraction.device)
    # The first one warms up.
    each = min(_seconds_of_a_step(lesson, pictures, extraction) for _ in range(2))
    if extraction.group.writes:
        _LOG.info("about %.2g s a step: %s for %s steps", each, duration(each * left), format(left, ","))


def _seconds_of_a_step(lesson: Lesson, pictures: torch.Tensor, extraction: Extraction) -> float:
    started = time.monotonic()
    with autocast(extraction.device, extraction.numbers), folded_train_mode(lesson.train()):
        descriptors = lesson(pictures)
    descriptors.float().sum().backward()
    if extraction.device.type == "cuda":
        torch.cuda.synchronize()
    lesson.zero_grad(set_to_none=True)
    return time.monotonic() - started
