"""What trainings and adaptations ask of a GPU, its memory and its time: calculated, never measured."""

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

# Floating-point operations a second: a fifth of what an A100 is said to do in bfloat16. Images of 640x480 a
# core decodes and checks a second (docs/speed.md, two cores).
GPU_RATE, READING_RATE = 60e12, 180
# Images that are described to see what a step takes.
_WATCHED = 2
# Of a forward pass: a backward pass through all of it takes twice as much.
_LEARNING = 3
# A ViT-B/14 stands for networks of others: sides of a patch, numbers of a token, blocks, all weights.
_PATCH, _WIDTH, _BLOCKS, _WEIGHTS = 14, 768, 12, 86_000_000
# Bytes that a block keeps for the backward pass, of each number of a token (docs/adapt.md), and numbers that
# learn in it; bytes of a number that is held twice, and of its gradient and Adam's means.
_KEPT, _OF_BLOCK, _HELD, _TAUGHT = 34, 12 * _WIDTH**2, 8, 12


@dataclass(frozen=True)
class LearningNeed:
    """What one entry of `train` or `adapt` asks for at most.

    where: such as train.dn. pictures: read in all steps. operations: of all steps. memory: bytes of a step.
    assumed: of a network that cannot be looked at, what it was taken for; else "".
    """

    where: str
    pictures: int
    operations: float
    memory: int
    assumed: str = ""

    def seconds(self, cores: int) -> float:
        """How long a GPU takes, or so many cores that read for it, whichever is longer."""
        return max(self.operations / GPU_RATE, self.pictures / (READING_RATE * cores))

    def in_words(self, cores: int) -> str:
        """All of it, and that it is calculated."""
        taken = f", the model assumed to be {self.assumed}" if self.assumed else ""
        return (
            f"{self.where}: about {size(self.memory)} of GPU memory, {duration(self.seconds(cores))} for all"
            f" steps, {self.pictures:,} images to read (calculated, not measured:"
            f" {GPU_RATE / 1e12:.0f} TFLOP/s and {READING_RATE} images a second on each of {cores} cores"
            f"{taken})"
        )


def learning_needs(params: Mapping[str, Any]) -> Iterator[LearningNeed]:
    """Those of every training and adaptation of `params` that can be looked at."""
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
    # What is drawn is as large as what is loaded.
    network = replace(settings.network, weights="none")
    numbers = "off" if settings.autocast == "off" else "bfloat16"
    operations, watched = _looked_at(network, settings.height, settings.width, numbers)
    pictures = settings.epochs * settings.queries_per_epoch * settings.pictures
    return LearningNeed(where, pictures, _LEARNING * operations * pictures, step_memory(settings, watched))


@cache
def _looked_at(settings: NetworkSettings, height: int, width: int, numbers: str) -> tuple[float, WatchedStep]:
    """Operations of describing an image, and what a step takes, by building the network."""
    network = build_network(settings)
    with FlopCounterMode(display=False) as counter:
        watched = watched_step(network, height, width, torch.device("cpu"), numbers)
    return counter.get_total_flops() / _WATCHED, watched


def _of_transformer(where: str, settings: AdaptSettings) -> LearningNeed:
    tokens = (settings.height // _PATCH) * (settings.width // _PATCH) + 1
    blocks = settings.learns.count("blocks.") or _BLOCKS
    of_block = 24 * tokens * _WIDTH**2 + 4 * tokens**2 * _WIDTH
    shown = settings.batch * PICTURES
    # The teacher keeps nothing of the positives, if the index is kept.
    kept = shown - (settings.batch if settings.index == "keep" else 0)
    memory = _HELD * _WEIGHTS + _TAUGHT * blocks * _OF_BLOCK + kept * blocks * _KEPT * tokens * _WIDTH
    pictures = settings.steps * shown
    return LearningNeed(
        where, pictures, float(_LEARNING * _BLOCKS * of_block * pictures), memory, "a ViT-B/14"
    )
