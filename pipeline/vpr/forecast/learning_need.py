"""GPU memory and time of training runs and adaptations: calculated, not measured."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from pipeline.core.params import build
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.human_readable import duration, size
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.adaptation.student import PICTURES
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network
from pipeline.vpr.training.memory_check import WatchedStep, step_memory, watched_step
from pipeline.vpr.training.settings import TrainSettings

# Floating-point operations a second: a fifth of the nominal rate of an A100 in bfloat16. Images of 640x480
# that a core decodes and checks in a second (docs/speed.md, two cores).
GPU_RATE, READING_RATE = 60e12, 180
# Images in the trial step.
_WATCHED = 2
# In forward passes: a backward pass through everything costs two.
_LEARNING = 3
# A ViT-B/14 stands for networks of others: side of a patch, width of a token, blocks, all weights.
_PATCH, _WIDTH, _BLOCKS, _WEIGHTS = 14, 768, 12, 86_000_000
# Bytes that a block keeps for the backward pass for each number of a token (docs/adapt.md), and weights of a
# block; bytes of a weight in teacher and student, and of its gradient and Adam's means.
_KEPT, _OF_BLOCK, _HELD, _TAUGHT = 34, 12 * _WIDTH**2, 8, 12


@dataclass(frozen=True)
class LearningNeed:
    """What one entry of `train` or `adapt` needs at most.

    where: such as train.dn. pictures: images read in all steps. operations: of all steps. memory: bytes of a
    step. assumed: the network assumed in place of one that cannot be inspected; else "".
    """

    where: str
    pictures: int
    operations: float
    memory: int
    assumed: str = ""

    def seconds(self, cores: int) -> float:
        """Time of the GPU, or of `cores` cores that read the images, whichever is longer."""
        return max(self.operations / GPU_RATE, self.pictures / (READING_RATE * cores))

    def in_words(self, cores: int) -> str:
        """The estimate in words, with its assumptions."""
        taken = f", the model assumed to be {self.assumed}" if self.assumed else ""
        return (
            f"{self.where}: on a GPU about {size(self.memory)} of its memory,"
            f" {duration(self.seconds(cores))} for all steps, {self.pictures:,} images to read"
            " (calculated, not measured:"
            f" {GPU_RATE / 1e12:.0f} TFLOP/s and {READING_RATE} images a second on each of {cores} cores"
            f"{taken})"
        )


def learning_needs(params: Mapping[str, Any]) -> Iterator[LearningNeed]:
    """The needs of every training run and adaptation in `params` that can be estimated."""
    trainings: dict[str, TrainSettings] = {}
    for name, entry in (params.get("train") or {}).items():
        with contextlib.suppress(DusklineError, TypeError):
            trainings[name] = build(TrainSettings, entry, f"train.{name}")
            yield _of_training(f"train.{name}", trainings[name])
    others = {*(params.get("hub_github") or ()), *(params.get("hub_local") or ())}
    for name, entry in (params.get("adapt") or {}).items():
        with contextlib.suppress(DusklineError, TypeError):
            settings = build(AdaptSettings, entry, f"adapt.{name}")
            if settings.model in others:
                yield _of_transformer(f"adapt.{name}", settings)


def _of_training(where: str, settings: TrainSettings) -> LearningNeed:
    # Random weights are as large as loaded ones.
    network = replace(settings.network, weights="none")
    numbers = "off" if settings.autocast == "off" else "bfloat16"
    operations, watched = _looked_at(network, settings.height, settings.width, numbers)
    pictures = settings.epochs * settings.queries_per_epoch * settings.pictures
    return LearningNeed(where, pictures, _LEARNING * operations * pictures, step_memory(settings, watched))


@cache
def _looked_at(settings: NetworkSettings, height: int, width: int, numbers: str) -> tuple[float, WatchedStep]:
    """Operations for the descriptor of an image, and memory of a step, by building the network."""
    network = build_network(settings)
    with FlopCounterMode(display=False) as counter:
        watched = watched_step(network, height, width, torch.device("cpu"), numbers)
    return counter.get_total_flops() / _WATCHED, watched


def _of_transformer(where: str, settings: AdaptSettings) -> LearningNeed:
    tokens = (settings.height // _PATCH) * (settings.width // _PATCH) + 1
    blocks = settings.trainable.count("blocks.") or _BLOCKS
    of_block = 24 * tokens * _WIDTH**2 + 4 * tokens**2 * _WIDTH
    shown = settings.batch * PICTURES
    # With the index kept, the teacher stores no activations of the positives.
    kept = shown - (settings.batch if settings.index == "keep" else 0)
    memory = _HELD * _WEIGHTS + _TAUGHT * blocks * _OF_BLOCK + kept * blocks * _KEPT * tokens * _WIDTH
    pictures = settings.steps * shown
    return LearningNeed(
        where, pictures, float(_LEARNING * _BLOCKS * of_block * pictures), memory, "a ViT-B/14"
    )
