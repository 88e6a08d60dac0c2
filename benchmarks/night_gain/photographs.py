"""Measure the gain from a translator trained on real photographs, on real night photographs.

python -m benchmarks.night_gain.photographs work/night_gain UNIT.pt --walk FOLDER --webcams FOLDER
    [--camera CAMERA ...]

UNIT.pt makes nights of the city's day images; models are trained on them and compared with those of
`python -m benchmarks.night_gain`. All are tested as in `benchmarks.real_nights`; `--camera` names the webcams
that UNIT.pt was not trained on. Finished parts are kept, and a stopped run resumes.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from benchmarks.night_gain.__main__ import RELIT, SEEDS, learnt_from
from benchmarks.night_gain.gains import Bootstrap
from benchmarks.night_gain.nights import our_nights
from benchmarks.night_gain.recognisers import recognise, settings_of
from benchmarks.night_gain.report import CLASSICAL, DAY, OURS
from benchmarks.night_gain.streets import (
    DAYS,
    TRUE_NIGHTS,
    by_day_and_night,
    draw_streets,
    night_queries,
)
from benchmarks.real_nights import Test, hits_of, walk_tests, webcam_test
from pipeline.compute.device.precision import device_of
from pipeline.core.files import write_bytes
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.machine import read_machine
from pipeline.vpr.models.descriptor_model import load_model

PHOTOGRAPHS = "photographs"
ARMS = (DAY, CLASSICAL, OURS, PHOTOGRAPHS)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("checkpoint", type=click.Path(path_type=Path))
@click.option("--walk", required=True, type=click.Path(path_type=Path))
@click.option("--webcams", required=True, type=click.Path(path_type=Path))
@click.option("--camera", "cameras", multiple=True, help="Only this webcam's nights are queries; repeatable.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"), show_default=True)
def main(
    folder: Path, checkpoint: Path, walk: Path, webcams: Path, cameras: tuple[str, ...], out: Path
) -> None:
    """Make what is missing in FOLDER, and write photographs.md."""
    machine = read_machine()
    workers, device = machine.workers, device_of(machine.device)
    try:
        tests = [*walk_tests(walk), webcam_test(webcams, cameras)]
    except DusklineError as error:
        raise click.ClickException(str(error)) from error
    draw_streets(folder / "streets", workers)
    days, true = (ImageSet.open(folder / "streets" / name) for name in (DAYS, TRUE_NIGHTS))
    in_the_city = {"day": days, "night": night_queries(days, true, folder / "by_night")}
    found: dict[str, list[list[np.ndarray]]] = {arm: [] for arm in ARMS}
    for arm in ARMS:
        if arm == PHOTOGRAPHS:
            nights = our_nights(days, folder / "nights" / arm, checkpoint, device.type, workers)
            images = by_day_and_night(days, nights, folder / "training" / arm)
        else:
            images = learnt_from(arm, folder, device.type, workers)
        for seed in SEEDS:
            name = f"{arm}-{seed}"
            settings = settings_of(arm, seed, relit=RELIT.get(arm, True))
            recognise(name, settings, images, in_the_city, folder, device.type, workers)
            network, _, _ = load_model(folder / "models" / name / "model.pt")
            found[arm].append(hits_of(network, network, tests, device, workers))
            click.echo(f"{name} is done", err=True)
    text = "\n\n".join(_tables(tests, found))
    write_bytes(out / "photographs.md", f"{text}\n".encode())
    click.echo(text)


def _tables(tests: list[Test], found: dict[str, list[list[np.ndarray]]]) -> tuple[str, str]:
    """Recall@1 of each arm on each test, and the gain of `photographs` over each, as Markdown."""
    heads = " | ".join(f"{test.name} ({len(test.queries)} queries)" for test in tests)
    line = "|---" * (1 + len(tests)) + "|"
    recalls = [f"| training nights; R@1, % (95 % interval): each seed | {heads} |", line]
    gains = [f"| difference in R@1, points (95 % interval) | {heads} |", line]
    for arm, of_seeds in found.items():
        cells, differences = [], []
        for number, test in enumerate(tests):
            hits, ours = ([one[number] for one in found[name]] for name in (arm, PHOTOGRAPHS))
            bootstrap = Bootstrap(test.points, len(of_seeds))
            each = ", ".join(f"{100 * one.mean():.0f}" for one in hits)
            cells.append(f"{bootstrap.recall(hits)}: {each}")
            differences.append(str(bootstrap.gain(ours, hits)))
        recalls.append(f"| {arm} | {' | '.join(cells)} |")
        if arm != PHOTOGRAPHS:
            gains.append(f"| {PHOTOGRAPHS} minus {arm} | {' | '.join(differences)} |")
    return "\n".join(recalls), "\n".join(gains)


if __name__ == "__main__":
    main()
