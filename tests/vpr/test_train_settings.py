from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.errors import ParameterError
from pipeline.core.params import build
from pipeline.vpr.train_settings import TrainSettings

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
    "twins": 0,
}

PAIRS: dict[str, Any] = {
    **dict.fromkeys(("margin", "negatives", "mining", "negative_samples")),
    "loss": "contrastive",
    "temperature": 0.05,
    "batch": 16,
}

OUT: dict[str, Any] = dict.fromkeys(("margin", "negatives", "mining", "negative_samples"), ...)


def settings(**changes: Any) -> TrainSettings:
    values = {name: value for name, value in (PAPER | changes).items() if value is not ...}
    return build(TrainSettings, values, "train.baseline")


def test_the_papers_settings_are_accepted() -> None:
    assert settings().network.clusters == 64
    gem = settings(aggregation="gem", clusters=..., l2="before_pool")
    assert gem.network.l2 == "before_pool"


def test_pairs_leave_null_or_out_what_only_triplets_have() -> None:
    pairs = settings(**PAIRS, twins=0.5)
    assert pairs == settings(**{name: value for name, value in PAIRS.items() if value} | OUT, twins=0.5)
    assert (pairs.pictures, settings().pictures) == (2, 12)
    assert pairs.learnt_from == (
        "queries as they are; every picture its own night with probability 0.5; contrastive loss,"
        " temperature 0.05"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": 0.0}, "lr must be above 0, not 0"),
        ({"negatives": 0}, "negatives must be at least 1, not 0"),
        ({"margin": -0.1}, "margin must be at least 0, not -0.1"),
        ({"hard_positives": 30}, "may not lie beyond soft_positives"),
        ({"queries_per_cache": 6000}, "may not be more than queries_per_epoch"),
        ({"clusters": ...}, "netvlad needs clusters"),
        ({"l2": "none"}, "netvlad has no l2"),
        ({"aggregation": "gem", "l2": "none"}, "gem has no clusters"),
        ({"mining": "hardest"}, "must be one of partial, full, random"),
        ({"night_fraction": 1.5}, "night_fraction must be between 0 and 1"),
        ({"positives": "night"}, "must be one of any, same, across, day"),
        ({"loss": "hinge"}, "must be one of triplet, contrastive"),
        ({"negatives": None}, "loss triplet needs negatives"),
        ({"temperature": 0.05}, "loss triplet has no temperature: leave it out or null"),
        (PAIRS | {"temperature": None}, "loss contrastive needs temperature"),
        (PAIRS | {"temperature": 0.0}, "temperature must be above 0"),
        (PAIRS | {"margin": 0.1}, "loss contrastive has no margin"),
        (PAIRS | {"negatives": 5}, "loss contrastive has no negatives"),
        (PAIRS | {"mining": "partial"}, "loss contrastive has no mining"),
        (PAIRS | {"negative_samples": 9}, "loss contrastive has no negative_samples"),
        (PAIRS | {"batch": 1}, "loss contrastive needs a batch of 2 or more"),
        ({"twins": 1.1}, "twins must be between 0 and 1"),
        (
            {"twins": 0.5, "night_fraction": 0.5},
            r"night_fraction \(0.5\): set twins: 0 or night_fraction: null",
        ),
        ({"twins": 0.5, "positives": "across"}, r"positives \(across\): set twins: 0 or positives: any"),
        ({"twins": 0.5, "database": "day"}, r"database \(day\): set twins: 0 or database: all"),
        (
            {"night_augmentation": {"lights": {"shade": 0.5, "windows": 9, "lamps": 4, "noise": 6}}},
            "night_augmentation changes the nights that twins show, but twins is 0",
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
    lit = settings(**PAIRS, twins=0.5, night_augmentation=lights)
    assert lit.learnt_from == (
        "queries as they are; every picture its own night with probability 0.5, with lights (shade 0.5,"
        " windows 40, lamps 4, noise 6.0); contrastive loss, temperature 0.05"
    )


def test_a_cosine_schedule_falls_from_lr_to_nothing() -> None:
    one = settings(schedule="cosine", lr=1e-3, epochs=8)
    rates = [one.lr_after(epochs) for epochs in (0, 2, 4, 6, 8)]
    assert rates == pytest.approx([1e-3, 1e-3 * 0.853553, 5e-4, 1e-3 * 0.146447, 0], rel=1e-5)
    assert settings(lr=1e-3, epochs=8).lr_after(7.5) == 1e-3
