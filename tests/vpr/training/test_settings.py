from __future__ import annotations

import math
from typing import Any

import pytest

from pipeline.core.params import build
from pipeline.runtime.errors import ParameterError
from pipeline.vpr.training.settings import TrainSettings

PAPER: dict[str, Any] = {
    "dataset": "pitts30k",
    "backbone": "resnet18conv4",
    "weights": "imagenet",
    "trainable": "late_layers",
    "aggregation": "netvlad",
    "clusters": 64,
    "height": 480,
    "width": 640,
    "lr": 1e-5,
    "loss": "triplet",
    "margin": 0.1,
    "batch": 4,
    "negatives": 10,
    "mining": "partial",
    "queries_per_epoch": 5000,
    "queries_per_cache": 1000,
    "negative_samples": 1000,
    "hard_positives": 10,
    "soft_positives": 25,
    "epochs": 20,
    "patience": 3,
    "autocast": "off",
    "cpu_threads": 2,
    "seed": 0,
}

PAIRS: dict[str, Any] = {
    **dict.fromkeys(("margin", "negatives", "mining", "negative_samples", "queries_per_cache")),
    "loss": "contrastive",
    "temperature": 0.05,
    "batch": 16,
}

OUT: dict[str, Any] = dict.fromkeys(
    ("margin", "negatives", "mining", "negative_samples", "queries_per_cache"), ...
)


def settings(**changes: Any) -> TrainSettings:
    values = {name: value for name, value in (PAPER | changes).items() if value is not ...}
    return build(TrainSettings, values, "train.baseline")


def test_the_papers_settings_are_accepted() -> None:
    assert settings().network.clusters == 64
    gem = settings(aggregation="gem", clusters=..., l2="before_pool")
    assert gem.network.l2 == "before_pool"


def test_pairs_leave_null_or_out_what_only_triplets_have() -> None:
    pairs = settings(**PAIRS)
    assert pairs == settings(**{name: value for name, value in PAIRS.items() if value} | OUT)
    assert (pairs.pictures, settings().pictures) == (3, 12)
    assert pairs.learnt_from == (
        "queries as they are; nights of queries as they are; contrastive loss, temperature 0.05"
    )
    places = settings(**PAIRS | {"drawn_positives": 3})
    assert places.pictures == 5
    assert places.learnt_from == f"{pairs.learnt_from}, 3 positives drawn"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, not 0"),
        ({"negatives": 0}, "negatives must be at least 1, not 0"),
        ({"margin": -0.1}, "margin must be at least 0, not -0.1"),
        ({"hard_positives": 30}, "must not be larger than soft_positives"),
        ({"queries_per_cache": 6000}, "must not be larger than queries_per_epoch"),
        ({"clusters": ...}, "netvlad needs clusters"),
        ({"l2": "none"}, "netvlad does not use l2"),
        ({"aggregation": "gem", "l2": "none"}, "gem does not use clusters"),
        ({"mining": "hardest"}, "must be one of partial, full, random"),
        ({"loss": "hinge"}, "must be one of triplet, contrastive"),
        ({"negatives": None}, "loss triplet needs negatives"),
        ({"temperature": 0.05}, "loss triplet does not use temperature: leave it out, or set it to null"),
        (PAIRS | {"temperature": None}, "loss contrastive needs temperature"),
        (PAIRS | {"temperature": 0.0}, "temperature must be above 0"),
        (PAIRS | {"margin": 0.1}, "loss contrastive does not use margin"),
        (PAIRS | {"negatives": 5}, "loss contrastive does not use negatives"),
        (PAIRS | {"mining": "partial"}, "loss contrastive does not use mining"),
        (PAIRS | {"negative_samples": 9}, "loss contrastive does not use negative_samples"),
        (PAIRS | {"batch": 1}, "loss contrastive needs a batch of 2 or more"),
        (PAIRS | {"queries_per_cache": 9}, "loss contrastive does not use queries_per_cache"),
        ({"queries_per_cache": None}, "loss triplet needs queries_per_cache"),
        ({"start_share": 1.1}, "start_share must be between 0 and 1"),
        ({"night_weight": 0.5}, "loss triplet does not use night_weight"),
        (PAIRS | {"night_weight": -0.5}, "night_weight must be at least 0"),
        ({"similar_places": 2}, "loss triplet does not use similar_places"),
        ({"drawn_positives": 2}, "loss triplet does not use drawn_positives"),
        (PAIRS | {"drawn_positives": 0}, "drawn_positives must be at least 1"),
        ({"similar_places": 0}, "similar_places must be at least 1"),
        ({"warmup": -1}, "warmup must be at least 0"),
        ({"batch_norm": "off"}, "must be one of learning, frozen"),
        (
            {"night_augmentation": {"lights": {"shade": 0.5, "windows": 9, "lamps": 4, "noise": 6}}},
            "loss triplet does not use night_augmentation",
        ),
        ({"augmentation": {"nights": {}}}, r"train\.baseline\.augmentation: unknown parameter nights"),
        ({"epochs": 1.5}, "train.baseline.epochs must be int"),
    ],
)
def test_impossible_settings_are_refused_in_words(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        settings(**changes)


def test_what_is_done_to_nights_is_said() -> None:
    lights = {"lights": {"shade": 0.5, "windows": 40, "lamps": 4, "noise": 6}}
    lit = settings(**PAIRS, night_augmentation=lights, start_share=0.25, similar_places=2, night_weight=0.4)
    assert lit.learnt_from == (
        "queries as they are; nights of queries with lights (shade 0.5, windows 40, lamps 4, noise 6.0);"
        " contrastive loss, temperature 0.05, nights weighing 0.4, batches of 2 similar places;"
        " averaged with 25 % of the weights it began with"
    )


def test_a_cosine_schedule_falls_from_lr_to_nothing() -> None:
    one = settings(schedule="cosine", lr=1e-3, epochs=8)
    rates = [one.lr_after(epochs) for epochs in (0, 2, 4, 6, 8)]
    assert rates == pytest.approx([1e-3, 1e-3 * 0.853553, 5e-4, 1e-3 * 0.146447, 0], rel=1e-5)
    assert settings(lr=1e-3, epochs=8).lr_after(7.5) == 1e-3


def test_the_learning_rate_rises_over_the_warm_up_and_falls_along_the_cosine() -> None:
    # 4 queries a step, 10 steps an epoch.
    one = settings(schedule="cosine", warmup=5, lr=1e-3, epochs=2, queries_per_epoch=40, queries_per_cache=40)
    rates = [one.lr_after(step / 10) for step in range(20)]
    cosine = [1e-3 * (1 + math.cos(math.pi * step / 20)) / 2 for step in range(20)]
    assert rates[:5] == pytest.approx([value * (step + 1) / 5 for step, value in enumerate(cosine[:5])])
    assert rates[5:] == pytest.approx(cosine[5:])
    steady = settings(warmup=2, queries_per_epoch=40, queries_per_cache=40)
    assert [steady.lr_after(step / 10) for step in range(3)] == pytest.approx([5e-6, 1e-5, 1e-5])
