"""All settings of a training run that can change its weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Annotated, Literal

from pipeline.runtime.ranges import Count, Factor, Metres, Pixels, Range, Seed, Share, require_ranges
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.models.descriptor_model import NetworkSettings

# Parameters that belong to one loss.
_OF_LOSS = {
    "triplet": ("margin", "negatives", "mining", "negative_samples", "queries_per_cache"),
    "contrastive": ("temperature",),
}


@dataclass(frozen=True)
class RoundSettings:
    """The settings that the rounds of examples depend on; see `TrainSettings`."""

    seed: int
    batch: int
    queries_per_epoch: int
    queries_per_cache: int | None
    similar_places: int
    soft_positives: float
    drawn_positives: int | None = None


@dataclass(frozen=True)
class TrainSettings:
    """A training run; values in brackets are the paper's.

    dataset: the dataset to train on, with its splits train and val.
    backbone: the network whose features are aggregated: its name in backbones.py (resnet18conv4), or the name
        of any timm network, together with `stride`.
    weights: initial weights of the backbone: "imagenet", which torchvision or timm downloads once (imagenet);
        "none", random weights from `seed`; "packaged", from an installed package (tf_efficientnet_lite0
        only); or the path of a file with the state dict of the whole network (.pt, .pth, .safetensors).
    trainable: layers of the backbone that are trained: "all"; "late_layers", which backbones.py lists for
        each of its networks (late_layers); or the name of the first stage to train. Before that stage, batch
        norm statistics do not change either.
    aggregation: how features become one descriptor: "netvlad", with `clusters`, or "gem", with `l2`.
    height: height of the network's input (480).
    width: width of the network's input (640).
    lr: Adam's learning rate (1e-5).
    loss: "triplet": each query with its best positive and its hardest negatives; all images of the dataset
        are used as they are (triplet). "contrastive": pairs of a query and its day positive. Each of the two,
        and its night image where the dataset has one, must retrieve the other among the images of the batch.
    batch: queries in one step, each with its best positive (4); the contrastive loss needs 2 or more. For
        datasets of places, such as GSV-Cities, it is the number of places, because each has one query.
    queries_per_epoch: number of queries drawn for an epoch (5,000).
    hard_positives: a database image within this distance is a positive (10); at most `soft_positives`.
    soft_positives: an image beyond this distance is a negative (25).
    queries_per_cache: queries between two rounds of mining, for the triplet loss only (1,000); at most
        `queries_per_epoch`. The contrastive loss uses each query's nearest day positive, as the network sees
        it before training.
    epochs: largest number of epochs (3; 2 on nights; 5 for Table V).
    patience: training stops after this many epochs without a better recall@5 on val (3).
    autocast: "bfloat16" runs the convolutions in bfloat16, "off" runs everything in float32 (off); "auto"
        uses bfloat16 where the processor or GPU supports it. The model's record says which was used.
    cpu_threads: threads of each operation on a CPU. Sums are rounded differently with another number, so it
        is a setting of the training run and not of the machine.
    seed: random seed of initial weights, sampled queries, sampled negatives and augmentation (0).
    clusters: number of NetVLAD clusters (64); null with gem.
    l2: where GeM's features are normalised (before_pool); null with netvlad.
    ensemble: how the descriptors of `backbone` and `second_backbone` are combined: added, or added and halved
        (both); null for a single backbone.
    second_backbone: the second network of an ensemble (resnet18conv4, after alexnet); null without one.
    stride: stride of the features of a timm network: pixels of the input per feature location, such as 16;
        null for other networks.
    margin: margin of the triplet loss (0.1); null with the contrastive loss.
    negatives: negatives of each query, for the triplet loss only (10).
    mining: images among which the hardest negatives are searched, for the triplet loss: "partial",
        `negative_samples` images drawn for each round; "full", as many drawn for each query, and its hardest
        negatives of the round before; "random" takes drawn images without a search (partial).
    negative_samples: database images drawn in each round as possible negatives, for the triplet loss (1,000).
    drawn_positives: number of day positives that each query of the contrastive loss must retrieve, drawn
        again each epoch from those within `hard_positives`, as usual for datasets of places. Null uses one
        positive, the most similar one to the network before training (null).
    temperature: temperature of the contrastive loss, for this loss only: cosine similarities are divided by
        it.
    night_weight: weight of the night images in the contrastive loss, where day images have 1 (1); a smaller
        weight keeps more of the daytime recall.
    similar_places: a batch of the contrastive loss consists of groups of places that look alike to the
        network before training, so that it learns to tell similar places apart. This is the largest size of a
        group; 1 samples all places uniformly (1).
    schedule: "constant" keeps `lr` (constant); "cosine" lowers it to 0 over `epochs`, along half a cosine
        wave (Loshchilov and Hutter 2017).
    warmup: number of first steps during which the learning rate rises linearly to what `schedule` gives (0).
    batch_norm: "learning" uses and updates batch statistics, also in frozen layers (learning); "frozen" keeps
        statistics, scales and shifts unchanged.
    start_share: share of the initial weights in the weights that are evaluated and kept; the rest is the
        trained weights (0). As in WiSE-FT (Wortsman et al. 2022), it keeps more of what the network could do
        elsewhere.
    augmentation: augmentation of the queries in training steps (for the contrastive loss, of the day images
        used as queries); null for none.
    night_augmentation: augmentation of the night images of queries, drawn again each time, for the
        contrastive loss only; null for none.
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
    drawn_positives: Annotated[int, Range("images", least=1)] | None = None
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
                f"hard_positives ({self.hard_positives} m) must not be larger than soft_positives"
                f" ({self.soft_positives} m)"
            )
        if self.queries_per_cache is not None and self.queries_per_cache > self.queries_per_epoch:
            raise ValueError(
                f"queries_per_cache ({self.queries_per_cache}) must not be larger than queries_per_epoch"
                f" ({self.queries_per_epoch})"
            )
        needed, other = ("clusters", "l2") if self.aggregation == "netvlad" else ("l2", "clusters")
        if getattr(self, needed) is None:
            raise ValueError(f"{self.aggregation} needs {needed}")
        if getattr(self, other) is not None:
            raise ValueError(f"{self.aggregation} does not use {other}: leave it out, or set it to null")
        _ = self.network  # its constructor checks the settings of the network

    def _require_loss(self) -> None:
        for loss, names in _OF_LOSS.items():
            for name in names:
                if loss == self.loss and getattr(self, name) is None:
                    raise ValueError(f"loss {loss} needs {name}")
                if loss != self.loss and getattr(self, name) is not None:
                    raise ValueError(f"loss {self.loss} does not use {name}: leave it out, or set it to null")
        if self.loss == "contrastive" and self.batch < 2:
            raise ValueError(
                "loss contrastive needs a batch of 2 or more: its places are negatives of each other"
            )
        if self.loss == "triplet" and self.night_weight != 1:
            raise ValueError(
                "loss triplet does not use night_weight: night images are queries like any other"
            )
        if self.loss == "triplet" and self.similar_places > 1:
            raise ValueError("loss triplet does not use similar_places: it mines its negatives")
        if self.loss == "triplet" and self.drawn_positives is not None:
            raise ValueError("loss triplet does not use drawn_positives: it uses the best positive")
        if self.loss == "triplet" and self.night_augmentation is not None:
            raise ValueError(
                "loss triplet does not use night_augmentation: night images are ordinary queries"
            )

    @property
    def learnt_from(self) -> str:
        """In words, how images are augmented, and how the network is trained."""
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
        """The learning rate after this many epochs."""
        steps = epochs * self.queries_per_epoch / self.batch
        lr = self.lr * min(1.0, (steps + 1) / self.warmup) if self.warmup else self.lr
        if self.schedule == "constant":
            return lr
        return lr * (1 + math.cos(math.pi * epochs / self.epochs)) / 2

    @property
    def pictures(self) -> int:
        """Largest number of images per query in a step, the query included."""
        return 2 + (self.drawn_positives or 1) if self.negatives is None else 2 + self.negatives

    @property
    def rounds(self) -> RoundSettings:
        """The settings of the rounds."""
        return RoundSettings(**{field.name: getattr(self, field.name) for field in fields(RoundSettings)})

    @property
    def network(self) -> NetworkSettings:
        """The settings of the network."""
        names = [field.name for field in fields(NetworkSettings)]
        return NetworkSettings(**{name: getattr(self, name) for name in names})


def _changed(augmentation: Augmentation | None) -> str:
    return "as they are" if augmentation is None else f"with {augmentation.in_words}"
