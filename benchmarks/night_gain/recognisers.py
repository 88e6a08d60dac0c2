"""Train models on day images, or on day images and nights of one kind, and test them by day and by night.

All have the same initial weights and settings, those of the default profile; only the nights differ. Nights
get new random lights each time, except ground-truth nights, which do not change.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.night_gain.streets import CITY
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.vpr.augmentation.night_lights import Lights
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.evaluation.evaluation import evaluate
from pipeline.vpr.experiments.experiment import Experiment, write_experiment
from pipeline.vpr.training.settings import TrainSettings
from pipeline.vpr.training.training import train_model

# Metres; see `TrainSettings`.
HARD_POSITIVES, RADIUS = 10, 25
# Queries in training: 150 steps of 16 places.
QUERIES = 2400
# One, so that two models can be trained in parallel on two cores.
THREADS = 1
RELIT = Augmentation(lights=Lights(shade=0.5, windows=40, lamps=4, noise=6))


def settings_of(dataset: str, seed: int, *, relit: bool) -> TrainSettings:
    """EfficientNet-Lite0 and NetVLAD, trained on each place's day image and its night, if there is one."""
    return TrainSettings(
        dataset=dataset, backbone="tf_efficientnet_lite0", stride=16, weights="packaged",
        trainable="blocks.3", aggregation="netvlad", clusters=32, height=CITY.height, width=CITY.width,
        lr=1e-3, schedule="cosine", warmup=20, batch_norm="frozen",
        loss="contrastive", temperature=0.05, night_weight=0.4, similar_places=8, batch=16,
        queries_per_epoch=QUERIES, epochs=1, patience=1, hard_positives=HARD_POSITIVES, soft_positives=RADIUS,
        autocast="bfloat16", cpu_threads=THREADS, seed=seed,
        night_augmentation=RELIT if relit else None,
    )  # fmt: skip


def recognise(
    name: str,
    settings: TrainSettings,
    images: ImageSet,
    tests: dict[str, ImageSet],
    folder: Path,
    device: str,
    workers: int,
) -> None:
    """Train the model `name` and test it, if that is not done yet."""
    model = folder / "models" / name
    if not (model / "model.pt").is_file():
        work = folder / "work"
        train_model(settings, images, model, work, live=model / "live", device=device, workers=workers)
    measure(name, model, (settings.height, settings.width), tests, folder, device, workers)


def measure(
    name: str,
    model: Path,
    size: tuple[int, int],
    tests: dict[str, ImageSet],
    folder: Path,
    device: str,
    workers: int,
) -> None:
    """Test the model in the folder `model` under `name`, with images of `size` (height, width)."""
    experiment = folder / "experiments" / name
    write_experiment(
        experiment,
        Experiment(
            model=name, height=size[0], width=size[1], queries="hard_resize",
            multi_scale="none", radius=RADIUS, ivfpq_above=None, save_descriptors=False,
            autocast="bfloat16", cpu_threads=THREADS,
        ),
        model,
    )  # fmt: skip
    for name_of_test, images in tests.items():
        out = folder / "results" / name / name_of_test
        if not (out / "metrics.json").is_file():
            evaluate(experiment, images, out, folder / "descriptors", device=device, workers=workers)
