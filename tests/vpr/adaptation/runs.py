"""Adaptations on a few made-up places: a teacher of ours, and the settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.adaptation.adaptation import AdaptSummary, adapt
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.models.descriptor_model import NetworkSettings, build_network, save_model

SETTINGS = AdaptSettings(
    model="teacher",
    dataset="places",
    split="train",
    index="keep",
    trainable="all",
    height=48,
    width=48,
    steps=6,
    batch=3,
    lr=1e-3,
    warmup=0,
    temperature=0.1,
    night_weight=1.0,
    positives=10,
    negatives=25,
    similar_places=1,
    teacher_share=0.0,
    autocast="off",
    cpu_threads=1,
    seed=0,
)
RECORD = {"dataset_digest": "abc", "learnt_from": "queries as they are"}


def write_teacher(folder: Path, **changes: Any) -> Path:
    settings = replace(NetworkSettings("resnet18conv4", "none", "all", "gem", l2="before_pool"), **changes)
    torch.manual_seed(0)
    save_model(folder / "model.pt", build_network(settings), settings, RECORD)
    return folder


def run(
    images: ImageSet, teacher: Path, root: Path, settings: AdaptSettings = SETTINGS, *, workers: int = 1
) -> AdaptSummary:
    out, work, live = (root / name for name in ("out", "work", "live"))
    return adapt(settings, teacher, images, out, work, live=live, device="cpu", workers=workers)
