"""Recognisers that saw days only, or days and some night, and what each finds by day and by night.

All learn by one recipe; only the pictures differ. Synthetic nights are lit anew each time they are shown;
true nights are shown as they are, for with other lights the oracle finds less.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from benchmarks.night_gain.streets import SMALL
from pipeline.datasets.image_set import ImageSet
from pipeline.vpr.augmentation import Augmentation
from pipeline.vpr.evaluation import evaluate
from pipeline.vpr.experiment import Experiment, write_experiment
from pipeline.vpr.lights import Lights
from pipeline.vpr.train_settings import TrainSettings
from pipeline.vpr.training import train_model

# Metres; see `TrainSettings`.
HARD_POSITIVES, RADIUS = 10, 25
# A day is its own night with this probability.
TWINS = 0.5
RELIT = Augmentation(lights=Lights(shade=0.5, windows=40, lamps=4, noise=6))


def settings_of(dataset: str, seed: int, nights: Literal["none", "synthetic", "true"]) -> TrainSettings:
    """ResNet-18 and NetVLAD from scratch on pairs, of days only or of days and such nights."""
    return TrainSettings(
        dataset=dataset, backbone="resnet18conv4", weights="none", trainable="all",
        aggregation="netvlad", clusters=16, height=SMALL[1], width=SMALL[0],
        lr=1e-3, schedule="cosine", loss="contrastive", temperature=0.05, batch=16,
        queries_per_epoch=3200, queries_per_cache=160, epochs=8, patience=8,
        hard_positives=HARD_POSITIVES, soft_positives=RADIUS,
        autocast="bfloat16", cpu_threads=1, seed=seed,
        twins=0.0 if nights == "none" else TWINS,
        night_augmentation=RELIT if nights == "synthetic" else None,
    )  # fmt: skip


def recognise(
    name: str,
    settings: TrainSettings,
    images: ImageSet,
    tests: dict[str, ImageSet],
    folder: Path,
    workers: int,
) -> None:
    """Train the recogniser `name` and test it; what is there already is not done again."""
    model = folder / "models" / name
    if not (model / "model.pt").is_file():
        train_model(settings, images, model, folder / "work", device="cpu", workers=workers)
    experiment = folder / "experiments" / name
    write_experiment(
        experiment,
        Experiment(
            model=name, height=SMALL[1], width=SMALL[0], queries="hard_resize", multi_scale="none",
            radius=RADIUS, ivfpq_above=None, save_descriptors=False, autocast="off", cpu_threads=1,
        ),
        model,
    )  # fmt: skip
    for test, images_of_test in tests.items():
        out = folder / "results" / name / test
        if not (out / "metrics.json").is_file():
            evaluate(experiment, images_of_test, out, folder / "descriptors", device="cpu", workers=workers)
