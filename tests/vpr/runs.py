"""Training runs on a few made-up places: their settings, ended where a test needs it, and what they leave."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.compute.distributed.training_state import save_state
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.models.descriptor_model import load_model
from pipeline.vpr.training import loop
from pipeline.vpr.training.settings import TrainSettings
from pipeline.vpr.training.training import TrainSummary, train_model

SETTINGS = TrainSettings(
    dataset="places",
    backbone="resnet18conv4",
    weights="none",
    trainable="all",
    aggregation="netvlad",
    clusters=4,
    height=48,
    width=48,
    lr=1e-3,
    loss="triplet",
    margin=0.1,
    batch=2,
    negatives=2,
    mining="partial",
    queries_per_epoch=8,
    queries_per_cache=4,
    negative_samples=8,
    hard_positives=10,
    soft_positives=25,
    epochs=2,
    patience=2,
    autocast="off",
    cpu_threads=1,
    seed=0,
)

PAIRS = replace(
    SETTINGS,
    loss="contrastive",
    temperature=0.1,
    batch=3,
    margin=None,
    negatives=None,
    mining=None,
    negative_samples=None,
    queries_per_cache=None,
)


class KilledError(Exception):
    """Ends a run where a test needs it ended."""


def run(
    places: ImageSet, folder: Path, settings: TrainSettings = SETTINGS, *, workers: int = 1
) -> TrainSummary:
    return train_model(
        settings, places, folder / "out", folder / "work", live=folder / "live", device="cpu", workers=workers
    )


def kill_after(states: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """End a run when so many of its states are saved."""
    done = 0

    def killing(*state: Any) -> None:
        nonlocal done
        save_state(*state)
        done += 1
        if done == states:
            raise KilledError

    monkeypatch.setattr(loop, "save_state", killing)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder / "out" / "model.pt")[0].state_dict()


def assert_same_bits(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def curve(folder: Path, name: str) -> list[float]:
    with (folder / "live" / "plots" / "metrics" / f"{name}.tsv").open() as stream:
        return [float(row[name]) for row in csv.DictReader(stream, delimiter="\t")]
