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
    """Adaptation of a model, so that it finds by night what it already finds by day.

    model: the teacher: its name in the section train, model_file, hub_local, hub_github or adapt.
    dataset: a dataset with night images, such as one made by `merge`.
    split: the split whose images are used for training.
    index: "keep" pulls the descriptors of day and night images towards the teacher's descriptors of the same
        place, so that an existing index made by the teacher stays valid. "rebuild" trains both sides, and the
        database must be described again.
    trainable: layers that are trained: "all"; for a model trained by duskline, the first stage to train, as
        in `trainable` of `train`; for a torch.hub model or a transformer, module names such as blocks.11,
        separated by commas.
    height: height of the network's input.
    width: width of the network's input.
    steps: number of training steps.
    batch: largest number of places in one step; 2 or more, because each place is contrasted with the others.
    lr: Adam's learning rate, which falls to 0 along half a cosine wave.
    warmup: number of first steps during which the learning rate rises linearly.
    temperature: temperature of the contrastive loss: similarities are divided by it.
    night_weight: weight of the night images in the loss, where day images have 1.
    positives: a database image within this distance is a positive of a query; the one closest to it for the
        teacher is used. With null, or where a dataset has no positive, each day image is its own positive.
    negatives: images beyond this distance show another place.
    similar_places: a batch consists of groups of places that look alike to the teacher. This is the largest
        size of a group; 1 samples all places uniformly.
    teacher_share: share of the teacher's weights in the weights that are kept (Wortsman et al. 2022).
    autocast: "bfloat16", "off" (float32), or "auto", which is bfloat16 where the hardware supports it.
    cpu_threads: threads of each operation on a CPU; sums are rounded differently with another number.
    seed: random seed of all sampling.
    augmentation: augmentation of the day images used as queries; null for none.
    night_augmentation: augmentation of the night images, drawn again each time; null for none.
    """

    model: str
    dataset: str
    split: Literal["train", "val", "test"]
    index: Literal["keep", "rebuild"]
    trainable: str
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
                f"positives ({self.positives} m) must not be larger than negatives ({self.negatives} m)"
            )

    def rounds(self, places: int) -> RoundSettings:
        """Settings of the rounds: all steps are one epoch, whose pairs are found once."""
        batch = min(self.batch, places)
        return RoundSettings(self.seed, batch, self.steps * batch, None, self.similar_places, self.negatives)

    def lr_after(self, epochs: float) -> float:
        """The learning rate after this share of the run."""
        lr = self.lr * min(1.0, (epochs * self.steps + 1) / self.warmup) if self.warmup else self.lr
        return lr * (1 + math.cos(math.pi * epochs)) / 2

    @property
    def learnt_from(self) -> str:
        """How the model was adapted, in words."""
        side = "the teacher's index kept" if self.index == "keep" else "index to be rebuilt"
        words = f"adapted from {self.model}, {side}; {self.steps} steps of {self.batch} places"
        for name, changed in (("days", self.augmentation), ("nights", self.night_augmentation)):
            words += f"; {name} {'as they are' if changed is None else f'with {changed.in_words}'}"
        if self.teacher_share:
            words += f"; averaged with {100 * self.teacher_share:g} % of the teacher's weights"
        return words
