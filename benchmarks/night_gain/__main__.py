"""Measure the gain from night images in the embedded city, where the ground-truth nights are known.

python -m benchmarks.night_gain work/night_gain

Models are trained on day images only, or on day images and nights of one kind: the day image with random
lights (lights); the paper's photometric night (literal); our own photometric night (classical); our
translator's (ours); or the ground truth (oracle). Each is tested on held-out streets by day and by night.
Finished parts are kept, and a stopped run resumes. Two runs may work in parallel on different models
(`--arm`, `--seed`). DUSKLINE_DEVICE sets the device.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.night_gain.nights import our_nights, photometric_nights, train_translator, translators
from benchmarks.night_gain.pictures import likeness
from benchmarks.night_gain.recognisers import recognise, settings_of
from benchmarks.night_gain.report import (
    CLASSICAL,
    DAY,
    LIGHTS,
    LITERAL,
    ORACLE,
    OURS,
    Measured,
    likeness_table,
)
from benchmarks.night_gain.streets import (
    DAYS,
    TRUE_NIGHTS,
    UNPAIRED_FOLDER,
    by_day_and_night,
    city_digest,
    days_as_nights,
    draw_streets,
    night_queries,
)
from pipeline.compute.device.precision import device_of
from pipeline.core.files import write_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.machine import read_machine

# Whether training nights get new random lights each time.
RELIT = {DAY: False, LIGHTS: True, LITERAL: True, CLASSICAL: True, OURS: True, ORACLE: False}
ARMS = tuple(RELIT)
SEEDS = (0, 1, 2)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--arm", "arms", multiple=True, type=click.Choice(ARMS), help="Only these models.")
@click.option("--seed", "seeds", multiple=True, type=int, help="Only these seeds.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"), show_default=True)
def main(folder: Path, arms: tuple[str, ...], seeds: tuple[int, ...], out: Path) -> None:
    """Make what is missing in FOLDER; with all models done, write night_gain.json and night_gain.md."""
    machine = read_machine()
    workers, device = machine.workers, device_of(machine.device).type
    streets = folder / "streets"
    draw_streets(streets, workers)
    days, true = (ImageSet.open(streets / name) for name in (DAYS, TRUE_NIGHTS))
    tests = {"day": days, "night": night_queries(days, true, folder / "by_night")}
    for seed in seeds or SEEDS:
        for arm in arms or ARMS:
            images = learnt_from(arm, folder, device, workers)
            settings = settings_of(arm, seed, relit=RELIT[arm])
            recognise(f"{arm}-{seed}", settings, images, tests, folder, device, workers)
            click.echo(f"{arm}-{seed} is done", err=True)
    if arms:
        return
    ours = train_translator(streets / UNPAIRED_FOLDER, folder / "translator", device)
    measured = Measured(folder / "results", tests, ARMS, seeds or SEEDS)
    measured.write_list(out / "night_gain.json")
    rows = {name: likeness(days, true, to_night) for name, to_night in translators(ours)}
    rows["ground-truth nights"] = likeness(days, true, None)
    digest = f"SHA-256 of the city's settings and code: `{city_digest()}`."
    text = "\n\n".join((digest, likeness_table(rows), measured.recalls(), measured.gains()))
    write_bytes(out / "night_gain.md", f"{text}\n".encode())
    click.echo(text)


def learnt_from(arm: str, folder: Path, device: str, workers: int) -> ImageSet:
    """The training dataset of the models `arm`."""
    days = ImageSet.open(folder / "streets" / DAYS)
    if arm == DAY:
        return days
    out = folder / "nights" / arm
    if arm == ORACLE:
        nights = ImageSet.open(folder / "streets" / TRUE_NIGHTS)
    elif arm == LIGHTS:
        nights = days_as_nights(days, out)
    elif arm == OURS:
        weights = train_translator(folder / "streets" / UNPAIRED_FOLDER, folder / "translator", device)
        nights = our_nights(days, out, weights, device, workers)
    else:
        nights = photometric_nights(days, out, arm, workers)
    return by_day_and_night(days, nights, folder / "training" / arm)


if __name__ == "__main__":
    main()
