"""Recognisers that saw days only, or days and some night, and what each finds by day and by night.

All of a seed begin with the same weights, learnt from days alone, and go on by one recipe; only the pictures
differ. Synthetic nights are lit anew each time they are shown;
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

FIRST = "first"
# Metres; see `TrainSettings`.
HARD_POSITIVES, RADIUS = 10, 25
# A day is its own night with this probability.
TWINS = 0.5
LR = 5e-4
# Of the run that all of a seed begin with, and of each that follows: 200 steps an epoch.
FIRST_EPOCHS, EPOCHS = 8, 6
RELIT = Augmentation(lights=Lights(shade=0.5, windows=40, lamps=4, noise=6))


def settings_of(
    dataset: str, seed: int, nights: Literal["none", "synthetic", "true"], epochs: int = EPOCHS
) -> TrainSettings:
    """ResNet-18 and NetVLAD on pairs, of days only or of days and such nights."""
    return TrainSettings(
        dataset=dataset, backbone="resnet18conv4", weights="none", trainable="all",
        aggregation="netvlad", clusters=16, height=SMALL[1], width=SMALL[0],
        lr=LR, schedule="constant", loss="contrastive", temperature=0.05, batch=16,
        queries_per_epoch=3200, queries_per_cache=160, epochs=epochs, patience=epochs,
        hard_positives=HARD_POSITIVES, soft_positives=RADIUS,
        autocast="bfloat16", cpu_threads=1, seed=seed,
        twins=0.0 if nights == "none" else TWINS,
        night_augmentation=RELIT if nights == "synthetic" else None,
    )  # fmt: skip


def begin(seed: int, days: ImageSet, folder: Path, device: str, workers: int) -> Path:
    """The model that all recognisers of a seed begin with."""
    model = folder / "models" / f"{FIRST}-{seed}"
    if not (model / "model.pt").is_file():
        settings = settings_of(FIRST, seed, "none", FIRST_EPOCHS)
        train_model(
            settings, days, model, folder / "work", live=model / "live", device=device, workers=workers
        )
    return model / "model.pt"


def recognise(
    name: str,
    settings: TrainSettings,
    start: Path,
    images: ImageSet,
    tests: dict[str, ImageSet],
    folder: Path,
    device: str,
    workers: int,
) -> None:
    """Train the recogniser `name` from the model `start` on and test it; nothing is done twice."""
    model = folder / "models" / name
    if not (model / "model.pt").is_file():
        work = folder / "work"
        train_model(
            settings, images, model, work, live=model / "live", device=device, workers=workers, start=start
        )
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
            evaluate(experiment, images_of_test, out, folder / "descriptors", device=device, workers=workers)
