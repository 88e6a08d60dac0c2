"""Every choice of an adaptation that can change its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal

from pipeline.runtime.ranges import Count, Factor, Metres, Pixels, Range, Seed, Share, require_ranges
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.training.settings import RoundSettings

ALL = "all"


@dataclass(frozen=True)
class AdaptSettings:
    """A model that learns to find by night what it finds by day.

    model: the teacher: its name in the section train, model_file, hub_local, hub_github or adapt.
    dataset: a set with nights, such as one that `merge` made.
    split: the split whose pictures are learnt from.
    index: "keep" draws what the model gives of days and nights to what the teacher gives of their places, so
        that descriptors which the teacher has made of a database stay valid; "rebuild" lets both sides learn,
        and the database is described anew.
    learns: what learns: "all"; of a model that duskline has trained the first stage that does, as `trainable`
        of `train`; of one of torch.hub, and of a transformer, its modules by name, such as blocks.11, several
        with commas.
    height: height of the network's input.
    width: width of the network's input.
    steps: how many.
    batch: places a step, at most so many; 2 or more, for each is told from the others.
    lr: Adam's learning rate, which falls to 0 along half a cosine wave.
    warmup: over so many first steps the learning rate rises evenly.
    temperature: by which the contrastive loss divides cosines.
    night_weight: of the nights in the loss, where the days have 1.
    positives: within this distance a database image shows a query's place, and the nearest one to the eyes of
        the teacher is its positive. With null, or where a set has none, each picture by day is its own.
    negatives: beyond this distance a picture shows another place.
    similar_places: so many places of a batch at most look alike to the teacher, group after group; 1 draws
        all evenly.
    teacher_share: share of the teacher's weights in those that are kept (Wortsman et al. 2022).
    autocast: "bfloat16", "off" (float32), or "auto", bfloat16 where the hardware computes with it.
    cpu_threads: threads of each operation on a CPU; another number rounds sums otherwise.
    seed: of what is drawn.
    augmentation: how the pictures by day that ask are changed; null leaves them as they are.
    night_augmentation: how the nights are changed, each time anew; null shows them as they are.
    """

    model: str
    dataset: str
    split: Literal["train", "val", "test"]
    index: Literal["keep", "rebuild"]
    learns: str
    height: Pixels
    width: Pixels
    steps: Count
    batch: Annotated[int, Range("places", least=2)]
    lr: Annotated[float, Range(above=0)]
    warmup: Annotated[int, Range("steps", least=0)]
    temperature: Annotated[float, Range(above=0)]
    night_weight: Factor
    positives: Metres | None
    negatives: Metres
    similar_places: Annotated[int, Range("places", least=1)]
    teacher_share: Share
    autocast: Literal["off", "bfloat16", "auto"]
    cpu_threads: Annotated[int, Range("threads", least=1)]
    seed: Seed
    augmentation: Augmentation | None = None
    night_augmentation: Augmentation | None = None

    def __post_init__(self) -> None:
        require_ranges(self)
        if self.positives is not None and self.positives > self.negatives:
            raise ValueError(
                f"positives ({self.positives} m) may not lie beyond negatives ({self.negatives} m)"
            )

    def rounds(self, places: int) -> RoundSettings:
        """What rounds among so many places depend on: one epoch of all steps, whose pairs are found once."""
        batch = min(self.batch, places)
        return RoundSettings(self.seed, batch, self.steps * batch, None, self.similar_places, self.negatives)

    def lr_after(self, epochs: float) -> float:
        """The learning rate when so much of the run is done."""
        lr = self.lr * min(1.0, (epochs * self.steps + 1) / self.warmup) if self.warmup else self.lr
        return lr * (1 + math.cos(math.pi * epochs)) / 2

    @property
    def learnt_from(self) -> str:
        """In words, what the model has learnt from beside its teacher, and how."""
        side = "the teacher's index kept" if self.index == "keep" else "index to be rebuilt"
        words = f"adapted from {self.model}, {side}; {self.steps} steps of {self.batch} places"
        for name, changed in (("days", self.augmentation), ("nights", self.night_augmentation)):
            words += f"; {name} {'as they are' if changed is None else f'with {changed.in_words}'}"
        if self.teacher_share:
            words += f"; averaged with {100 * self.teacher_share:g} % of the teacher's weights"
        return words
