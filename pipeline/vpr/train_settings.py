"""Every choice of a training run of a recogniser that can change its weights."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from pipeline.vpr.augmentation import Augmentation
from pipeline.vpr.backbones import Trainable
from pipeline.vpr.network import NetworkSettings

_POSITIVE = (
    *("height", "width", "lr", "batch", "negatives", "queries_per_epoch", "queries_per_cache"),
    *("negative_samples", "hard_positives", "soft_positives", "epochs", "patience", "cpu_threads"),
)


@dataclass(frozen=True)
class TrainSettings:
    """A training run; in brackets the paper's values.

    dataset: the set to train on, with its splits train and val.
    backbone, weights, trainable, aggregation, clusters, l2: the network; see `NetworkSettings`
        (resnet18conv4, imagenet, late_layers, netvlad with 64 clusters or gem with l2 before_pool).
    ensemble, second_backbone: two backbones as one network; see `NetworkSettings` (addition or division of
        alexnet and, second, resnet18conv4).
    height, width: pixels of the network's input (480, 640).
    lr: Adam's learning rate (1e-5). margin: of the triplet loss (0.1).
    batch: queries a step (4), each with its best positive and `negatives` (10) hardest negatives.
    mining: how negatives are found (partial).
    queries_per_epoch (5,000); queries_per_cache: queries between two rounds of mining (1,000);
    negative_samples: database images drawn a round as possible negatives (1,000).
    hard_positives, soft_positives: metres within which a database image is a positive (10), and beyond
        which it is a negative (25).
    epochs: at most so many; patience: the run ends after so many without a better recall@5 on val (3).
    autocast: "bfloat16" runs the convolutions in bfloat16, "off" everything in float32 (off); "auto" is
        bfloat16 where the processor or the GPU computes with it, which the model's record then says.
    cpu_threads: of each operation on a CPU; sums are rounded otherwise with another number, so it belongs
        to the run and not to the machine.
    seed: of first weights, drawn queries, drawn negatives and drawn changes (0).
    augmentation: how the queries of training steps are changed; None leaves them as they are.
    night_fraction: share of night queries in each batch; None takes the queries as they come.
    positives: which images of a query's place it may be drawn to: "any"; "same", only those of its own time,
        night or not; "across", only those of the other; "day", only those that are not of the night, as the
        databases of test sets are. A query without such an image near it is not learnt from.
    database: which of the set's database images there are for training, as positives and as negatives: "all",
        or "day", those that are not of the night.
    """

    dataset: str
    backbone: str
    weights: Literal["imagenet", "none"]
    trainable: Trainable
    aggregation: Literal["netvlad", "gem"]
    height: int
    width: int
    lr: float
    margin: float
    batch: int
    negatives: int
    mining: Literal["partial", "full", "random"]
    queries_per_epoch: int
    queries_per_cache: int
    negative_samples: int
    hard_positives: float
    soft_positives: float
    epochs: int
    patience: int
    autocast: Literal["off", "bfloat16", "auto"]
    cpu_threads: int
    seed: int
    clusters: int | None = None
    l2: Literal["before_pool", "after_pool", "none"] | None = None
    ensemble: Literal["addition", "division"] | None = None
    second_backbone: str | None = None
    augmentation: Augmentation | None = None
    night_fraction: float | None = None
    positives: Literal["any", "same", "across", "day"] = "any"
    database: Literal["all", "day"] = "all"

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("margin", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, but is {getattr(self, name)}")
        if self.night_fraction is not None and not 0 <= self.night_fraction <= 1:
            raise ValueError(f"night_fraction must lie between 0 and 1, but is {self.night_fraction}")
        if self.hard_positives > self.soft_positives:
            raise ValueError(
                f"hard_positives ({self.hard_positives} m) may not lie beyond soft_positives"
                f" ({self.soft_positives} m)"
            )
        if self.queries_per_cache > self.queries_per_epoch:
            raise ValueError(
                f"queries_per_cache ({self.queries_per_cache}) may not be more than queries_per_epoch"
                f" ({self.queries_per_epoch})"
            )
        needed, other = ("clusters", "l2") if self.aggregation == "netvlad" else ("l2", "clusters")
        if getattr(self, needed) is None:
            raise ValueError(f"{self.aggregation} needs {needed}")
        if getattr(self, other) is not None:
            raise ValueError(f"{self.aggregation} has no {other}")
        _ = self.network  # which looks whether its own settings go together

    @property
    def learnt_from(self) -> str:
        """In words, what is done to the set's images before the network learns from them."""
        changes = "as they are" if self.augmentation is None else f"with {self.augmentation.in_words}"
        share = "" if self.night_fraction is None else f", {100 * self.night_fraction:g} % of the night"
        positives = "" if self.positives == "any" else f"; positives: {self.positives}"
        database = "" if self.database == "all" else f"; database: {self.database}"
        return f"queries {changes}{share}{positives}{database}"

    @property
    def network(self) -> NetworkSettings:
        """What to build before training."""
        names = [field.name for field in fields(NetworkSettings)]
        return NetworkSettings(**{name: getattr(self, name) for name in names})
