"""What is chosen of a lesson from two folders of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pipeline.runtime.ranges import Count, Pixels, Range, Seed, Share, require_ranges


@dataclass(frozen=True)
class FolderLesson:
    """A model that learns from images by day and their nights; the rest is as docs/adapt.md recommends.

    height: height of the network's input.
    width: width of the network's input.
    learns: what learns: "all"; of a model that duskline has trained the first stage that does, such as
        blocks.3; of one of torch.hub, and of a transformer, its modules by name, several with commas.
    index: "keep" lets descriptors that the model has made of a database stay valid; "rebuild" finds more, and
        the database is described again.
    steps: how many steps.
    batch: places a step, at most so many.
    lr: Adam's learning rate in the beginning.
    neighbours: so many images before and after one, in the order of their names, may show its place too.
    teacher_share: share of the model's own weights in those that are kept.
    seed: of what is drawn.
    """

    height: Pixels
    width: Pixels
    learns: str
    index: Literal["keep", "rebuild"] = "keep"
    steps: Count = 150
    batch: Annotated[int, Range("places", least=2)] = 16
    lr: Annotated[float, Range(above=0)] = 1e-3
    neighbours: Annotated[int, Range("images", least=0)] = 3
    teacher_share: Share = 0.3
    seed: Seed = 0

    def __post_init__(self) -> None:
        require_ranges(self)
