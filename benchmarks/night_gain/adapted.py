"""Measure the gain from adaptation: day models adapted to night, with the index kept or rebuilt.

python -m benchmarks.night_gain.adapted work/night_gain

The teachers are the day-only models of `python -m benchmarks.night_gain`, and the training data the same day
images and their `classical` nights; the models trained on both from the start are the comparison. Finished
parts are kept, and a stopped run resumes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from benchmarks.night_gain.__main__ import SEEDS, learnt_from
from benchmarks.night_gain.recognisers import (
    HARD_POSITIVES,
    RADIUS,
    RELIT,
    THREADS,
    measure,
    recognise,
    settings_of,
)
from benchmarks.night_gain.report import CLASSICAL, DAY, Measured
from benchmarks.night_gain.streets import CITY, DAYS, TRUE_NIGHTS, draw_streets, night_queries
from pipeline.compute.device.precision import device_of
from pipeline.core.files import write_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.machine import read_machine
from pipeline.vpr.adaptation.adaptation import adapt
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.experiments.asymmetric import Asymmetric, join_models

KEPT, REBUILT = "kept", "rebuilt"
STEPS = 150


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", "seeds", multiple=True, type=int, help="Only these seeds; then no table is written.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"), show_default=True)
def main(folder: Path, seeds: tuple[int, ...], out: Path) -> None:
    """Make what is missing in FOLDER, and write adapted.md."""
    machine = read_machine()
    workers, device = machine.workers, device_of(machine.device).type
    draw_streets(folder / "streets", workers)
    days, true = (ImageSet.open(folder / "streets" / name) for name in (DAYS, TRUE_NIGHTS))
    tests = {"day": days, "night": night_queries(days, true, folder / "by_night")}
    both = learnt_from(CLASSICAL, folder, device, workers)
    for seed in seeds or SEEDS:
        recognise(f"{DAY}-{seed}", settings_of(DAY, seed, relit=False), days, tests, folder, device, workers)
        joint = settings_of(CLASSICAL, seed, relit=True)
        recognise(f"{CLASSICAL}-{seed}", joint, both, tests, folder, device, workers)
        kept = settings_of_adapting(seed)
        _adapted(KEPT, kept, both, tests, folder, device, workers)
        _adapted(REBUILT, replace(kept, index="rebuild"), both, tests, folder, device, workers)
        click.echo(f"seed {seed} is done", err=True)
    if seeds:
        return
    measured = Measured(folder / "results", tests, (DAY, KEPT, REBUILT, CLASSICAL), SEEDS)
    gains = [
        (f"by {test}: {arm} minus {other}, points", measured.gain(test, arm, other))
        for test in ("night", "day")
        for arm, other in ((KEPT, DAY), (REBUILT, DAY), (KEPT, REBUILT), (KEPT, CLASSICAL))
    ]
    lines = ["| difference in recall@1 | mean (95 % interval) |", "|---|---|"]
    lines += [f"| {what} | {gain} |" for what, gain in gains]
    text = f"{measured.recalls()}\n\n" + "\n".join(lines)
    write_bytes(out / "adapted.md", f"{text}\n".encode())
    click.echo(text)


def settings_of_adapting(seed: int) -> AdaptSettings:
    """The settings of docs/adapt.md."""
    return AdaptSettings(
        model=f"{DAY}-{seed}", dataset=CLASSICAL, split="train", index="keep", trainable="blocks.3",
        height=CITY.height, width=CITY.width, steps=STEPS, batch=16, lr=1e-3, warmup=20, temperature=0.05,
        night_weight=1.0, positives=HARD_POSITIVES, negatives=RADIUS, similar_places=1, teacher_share=0.3,
        autocast="bfloat16", cpu_threads=THREADS, seed=seed, night_augmentation=RELIT,
    )  # fmt: skip


def _adapted(
    arm: str,
    settings: AdaptSettings,
    images: ImageSet,
    tests: dict[str, ImageSet],
    folder: Path,
    device: str,
    workers: int,
) -> None:
    """Adapt the teacher named in `settings` and test it, on the teacher's index if that is kept."""
    models, name = folder / "models", f"{arm}-{settings.seed}"
    if not (models / name / "model.pt").is_file():
        adapt(
            settings,
            models / settings.model,
            images,
            models / name,
            folder / "work",
            live=models / name / "live",
            device=device,
            workers=workers,
        )
    tested = models / name
    if arm == KEPT:
        tested = models / f"{name}_on_{settings.model}"
        join_models(Asymmetric(name, settings.model), models, tested)
    measure(name, tested, (settings.height, settings.width), tests, folder, device, workers)


if __name__ == "__main__":
    main()
