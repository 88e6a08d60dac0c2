"""Every choice of a training run of a recogniser that can change its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Annotated, Literal

from pipeline.runtime.ranges import Count, Factor, Metres, Pixels, Range, Seed, Share, require_ranges
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.models.descriptor_model import NetworkSettings

# What belongs to each loss.
_OF_LOSS = {
    "triplet": ("margin", "negatives", "mining", "negative_samples", "queries_per_cache"),
    "contrastive": ("temperature",),
}


@dataclass(frozen=True)
class RoundSettings:
    """Of a run's settings what its rounds of examples depend on; see `TrainSettings`."""

    seed: int
    batch: int
    queries_per_epoch: int
    queries_per_cache: int | None
    similar_places: int
    soft_positives: float
    drawn_positives: int | None = None


@dataclass(frozen=True)
class TrainSettings:
    """A training run; in brackets the paper's values.

    dataset: the set to train on, with its splits train and val.
    backbone: the network whose features are aggregated, by its name in backbones.py (resnet18conv4) or by
        that of any network of timm, with `stride`.
    weights: what the backbone starts from: "imagenet", which torchvision or timm downloads once (imagenet);
        "none", drawn from `seed`; "packaged", which an installed package holds (tf_efficientnet_lite0 only);
        or the path of a file with the state dict of the whole network (.pt, .pth, .safetensors).
    trainable: which layers of the backbone learn: "all"; the "late_layers" that backbones.py names for each
        of its own (late_layers); or the name of the first stage that learns, before which also the
        statistics of batch norms stay as they are.
    aggregation: how features become one descriptor: "netvlad", with `clusters`, or "gem", with `l2`.
    height: height of the network's input (480).
    width: width of the network's input (640).
    lr: Adam's learning rate (1e-5).
    loss: "triplet", of each query, its best positive and its hardest negatives, all pictures of the set as
        they are (triplet); or "contrastive", of pairs of a query and its positive by day: either one, and its
        night where the set holds it, is to find the other one among those of the batch.
    batch: queries a step, each with its best positive (4); the contrastive loss needs 2 or more. Of sets of
        places, such as GSV-Cities, it counts places, for each has one query.
    queries_per_epoch: how many are drawn for an epoch (5,000).
    hard_positives: within this distance a database image is a positive (10); at most `soft_positives`.
    soft_positives: beyond this distance a picture is a negative (25).
    queries_per_cache: queries between two rounds of mining, of triplets only (1,000); at most
        `queries_per_epoch`. The contrastive loss takes each query's nearest positive by day, as the network
        sees it before it learns.
    epochs: at most so many (3; 2 on nights; 5 for Table V).
    patience: the run ends after so many epochs without a better recall@5 on val (3).
    autocast: "bfloat16" runs the convolutions in bfloat16, "off" everything in float32 (off); "auto" is
        bfloat16 where the processor or the GPU computes with it, which the model's record then says.
    cpu_threads: threads of each operation on a CPU; sums are rounded otherwise with another number, so it
        belongs to the run and not to the machine.
    seed: of first weights, drawn queries, drawn negatives and drawn changes (0).
    clusters: of NetVLAD (64); null with gem.
    l2: where GeM's features are normalised (before_pool); null with netvlad.
    ensemble: how the descriptors of `backbone` and of `second_backbone` become one: added, or added and
        halved (both); null for one backbone alone.
    second_backbone: the other network of an ensemble (resnet18conv4, after alexnet); null without one.
    stride: of the features of a network of timm: one location for so many pixels of a side, such as 16; null
        for the others.
    margin: of the triplet loss (0.1); null with the contrastive one.
    negatives: of each query, of triplets only (10).
    mining: among which images the hardest negatives of triplets are sought: "partial", `negative_samples`
        drawn for a round; "full", as many drawn for each query, and its hardest of the round before; "random"
        takes drawn ones as they are (partial).
    negative_samples: database images drawn a round as possible negatives of triplets (1,000).
    drawn_positives: so many pictures by day of its place is each query of the contrastive loss to find, drawn
        anew each epoch from those within `hard_positives`, as sets of places are learnt from; null for the
        one that looks most like it to the network before it learns (null).
    temperature: by which the contrastive loss divides cosines; of this loss only.
    night_weight: of the nights in the contrastive loss, where the days have 1 (1); less keeps more of what is
        found by day.
    similar_places: so many places of a contrastive batch at most look alike to the network before it learns,
        group after group, so that each has to be told from what it is easily taken for; 1 draws all evenly
        (1).
    schedule: "constant" keeps `lr` (constant); "cosine" lets it fall to 0 over `epochs`, along half a wave
        (Loshchilov and Hutter 2017).
    warmup: over so many first steps the learning rate rises evenly to what `schedule` says (0).
    batch_norm: "learning" lets batch norms use each batch's statistics and follow them, those of frozen
        layers too (learning); "frozen" leaves their statistics, scales and shifts as they are.
    start_share: share of the weights with which the run began in those that are evaluated and kept; the rest
        is what was learnt (0). As in WiSE-FT (Wortsman et al. 2022): it keeps more of what the network could
        do elsewhere.
    augmentation: how the queries of training steps are changed, of the contrastive loss what asks by day;
        null leaves them as they are.
    night_augmentation: how the nights of queries are changed, each time anew, of the contrastive loss only;
        null shows them as they are.
    """

    dataset: str
    backbone: str
    weights: str
    trainable: str
    aggregation: Literal["netvlad", "gem"]
    height: Pixels
    width: Pixels
    lr: Annotated[float, Range(above=0)]
    loss: Literal["triplet", "contrastive"]
    batch: Annotated[int, Range("queries", least=1)]
    queries_per_epoch: Annotated[int, Range("queries", least=1)]
    hard_positives: Metres
    soft_positives: Metres
    epochs: Count
    patience: Annotated[int, Range("epochs", least=1)]
    autocast: Literal["off", "bfloat16", "auto"]
    cpu_threads: Annotated[int, Range("threads", least=1)]
    seed: Seed
    clusters: Count | None = None
    l2: Literal["before_pool", "after_pool", "none"] | None = None
    ensemble: Literal["addition", "division"] | None = None
    second_backbone: str | None = None
    stride: Pixels | None = None
    margin: Factor | None = None
    negatives: Count | None = None
    mining: Literal["partial", "full", "random"] | None = None
    negative_samples: Annotated[int, Range("images", least=1)] | None = None
    queries_per_cache: Annotated[int, Range("queries", least=1)] | None = None
    drawn_positives: Annotated[int, Range("pictures", least=1)] | None = None
    temperature: Annotated[float, Range(above=0)] | None = None
    night_weight: Factor = 1.0
    similar_places: Annotated[int, Range("places", least=1)] = 1
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Annotated[int, Range("steps", least=0)] = 0
    batch_norm: Literal["learning", "frozen"] = "learning"
    start_share: Share = 0.0
    augmentation: Augmentation | None = None
    night_augmentation: Augmentation | None = None

    def __post_init__(self) -> None:
        require_ranges(self)
        self._require_loss()
        if self.hard_positives > self.soft_positives:
            raise ValueError(
                f"hard_positives ({self.hard_positives} m) may not lie beyond soft_positives"
                f" ({self.soft_positives} m)"
            )
        if self.queries_per_cache is not None and self.queries_per_cache > self.queries_per_epoch:
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

    def _require_loss(self) -> None:
        for loss, names in _OF_LOSS.items():
            for name in names:
                if loss == self.loss and getattr(self, name) is None:
                    raise ValueError(f"loss {loss} needs {name}")
                if loss != self.loss and getattr(self, name) is not None:
                    raise ValueError(f"loss {self.loss} has no {name}: leave it out or null")
        if self.loss == "contrastive" and self.batch < 2:
            raise ValueError("loss contrastive needs a batch of 2 or more: negatives are the other places'")
        if self.loss == "triplet" and self.night_weight != 1:
            raise ValueError("loss triplet has no night_weight: its nights are queries like any other")
        if self.loss == "triplet" and self.similar_places > 1:
            raise ValueError("loss triplet has no similar_places: it mines its negatives")
        if self.loss == "triplet" and self.drawn_positives is not None:
            raise ValueError("loss triplet has no drawn_positives: it takes the best one")
        if self.loss == "triplet" and self.night_augmentation is not None:
            raise ValueError("loss triplet has no night_augmentation: its nights are queries like any other")

    @property
    def learnt_from(self) -> str:
        """In words, what is done to the set's images before the network learns from them, and how."""
        words = "queries " + _changed(self.augmentation)
        if self.loss == "contrastive":
            words += f"; nights of queries {_changed(self.night_augmentation)}"
            words += f"; contrastive loss, temperature {self.temperature:g}"
            if self.night_weight != 1:
                words += f", nights weighing {self.night_weight:g}"
            if self.drawn_positives is not None:
                words += f", {self.drawn_positives} positives drawn"
            if self.similar_places > 1:
                words += f", batches of {self.similar_places} similar places"
        if self.start_share:
            words += f"; averaged with {100 * self.start_share:g} % of the weights it began with"
        return words

    def lr_after(self, epochs: float) -> float:
        """The learning rate when so many epochs are done."""
        steps = epochs * self.queries_per_epoch / self.batch
        lr = self.lr * min(1.0, (steps + 1) / self.warmup) if self.warmup else self.lr
        if self.schedule == "constant":
            return lr
        return lr * (1 + math.cos(math.pi * epochs / self.epochs)) / 2

    @property
    def pictures(self) -> int:
        """How many pictures each query of a step brings at most, itself among them."""
        return 2 + (self.drawn_positives or 1) if self.negatives is None else 2 + self.negatives

    @property
    def rounds(self) -> RoundSettings:
        """What its rounds depend on."""
        return RoundSettings(**{field.name: getattr(self, field.name) for field in fields(RoundSettings)})

    @property
    def network(self) -> NetworkSettings:
        """What to build before training."""
        names = [field.name for field in fields(NetworkSettings)]
        return NetworkSettings(**{name: getattr(self, name) for name in names})


def _changed(augmentation: Augmentation | None) -> str:
    return "as they are" if augmentation is None else f"with {augmentation.in_words}"
