"""The settings of an adaptation from two folders of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pipeline.runtime.ranges import Count, Pixels, Range, Seed, Share, require_ranges


@dataclass(frozen=True)
class FolderLesson:
    """How a model learns from day images and their nights; all other settings are those of docs/adapt.md.

    height: height of the network's input.
    width: width of the network's input.
    trainable: layers that are trained: "all"; for a model trained by duskline, the first stage, such as
        blocks.3; for a torch.hub model or a transformer, module names separated by commas.
    index: "keep" keeps the database descriptors of the original model valid; "rebuild" finds more, but the
        database must be described again.
    steps: number of training steps.
    batch: largest number of places in one step.
    lr: Adam's initial learning rate.
    neighbours: this many images before and after an image, in the order of their names, may show its place.
    teacher_share: share of the original model's weights in the weights that are kept.
    seed: random seed of all sampling.
    """

    height: Pixels
    width: Pixels
    trainable: str
    index: Literal["keep", "rebuild"] = "keep"
    steps: Count = 150
    batch: Annotated[int, Range("places", least=2)] = 16
    lr: Annotated[float, Range(above=0)] = 1e-3
    neighbours: Annotated[int, Range("images", least=0)] = 3
    teacher_share: Share = 0.3
    seed: Seed = 0

    def __post_init__(self) -> None:
        require_ranges(self)
