"""What nights are worth to a recogniser, measured in the embedded city, where the true nights are known.

python -m benchmarks.night_gain work/night_gain

Recognisers learn from days first; then each goes on with days only, with days and photometric nights, with
days and our nights, or with days and the true nights (the oracle), and is tested on held-out streets by day
and by night. Every piece that is there already stays, and one that was ended goes on: kill it and start it
again at will. Two may run side by
side if they are given other recognisers (`--arm`, `--seed`). Networks run where DUSKLINE_DEVICE says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from benchmarks.night_gain.nights import our_nights, photometric_nights, train_translator, translators
from benchmarks.night_gain.pictures import likeness
from benchmarks.night_gain.recognisers import FIRST, begin, recognise, settings_of
from benchmarks.night_gain.report import DAY, ORACLE, OURS, PHOTOMETRIC, Measured, likeness_table
from benchmarks.night_gain.streets import (
    DAYS,
    TRUE_NIGHTS,
    UNPAIRED_FOLDER,
    by_day_and_night,
    city_digest,
    draw_streets,
    night_queries,
    shrunk,
)
from pipeline.core.files import write_bytes
from pipeline.core.machine import read_machine
from pipeline.datasets.image_set import ImageSet
from unit.numeric import chosen_device

NIGHTS: dict[str, Literal["none", "synthetic", "true"]] = {
    DAY: "none",
    PHOTOMETRIC: "synthetic",
    OURS: "synthetic",
    ORACLE: "true",
}
ARMS = tuple(NIGHTS)
SEEDS = (0, 1, 2)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--arm", "arms", multiple=True, type=click.Choice((FIRST, *ARMS)), help="Only these recognisers."
)
@click.option("--seed", "seeds", multiple=True, type=int, help="Only these seeds.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"), show_default=True)
def main(folder: Path, arms: tuple[str, ...], seeds: tuple[int, ...], out: Path) -> None:
    """Make in FOLDER what is not there yet; with all recognisers, write night_gain.json and night_gain.md."""
    machine = read_machine()
    workers, device = machine.workers, chosen_device(machine.device)
    streets = folder / "streets"
    draw_streets(streets, workers)
    days, true = (ImageSet.open(streets / name) for name in (DAYS, TRUE_NIGHTS))
    small_days, small_true = (shrunk(part, folder / "small" / part.root.name) for part in (days, true))
    tests = {"day": small_days, "night": night_queries(small_days, small_true, folder / "small" / "by_night")}
    for seed in seeds or SEEDS:
        start = begin(seed, small_days, folder, device, workers)
        for arm in arms or ARMS:
            if arm == FIRST:
                continue
            settings = settings_of(arm, seed, NIGHTS[arm])
            images = _learnt_from(arm, folder, device, workers)
            recognise(f"{arm}-{seed}", settings, start, images, tests, folder, device, workers)
            click.echo(f"{arm}-{seed} is done", err=True)
    if arms:
        return
    ours = train_translator(streets / UNPAIRED_FOLDER, folder / "translator", device)
    measured = Measured(folder / "results", tests, ARMS, seeds or SEEDS)
    measured.write_list(out / "night_gain.json")
    rows = {name: likeness(days, true, to_night) for name, to_night in translators(ours)}
    rows["the true nights"] = likeness(days, true, None)
    digest = f"The city's settings and code: SHA-256 `{city_digest()}`."
    text = "\n\n".join((digest, likeness_table(rows), measured.recalls(), measured.gains()))
    write_bytes(out / "night_gain.md", f"{text}\n".encode())
    click.echo(text)


def _learnt_from(arm: str, folder: Path, device: str, workers: int) -> ImageSet:
    """The set that the recogniser `arm` learns from."""
    small = folder / "small"
    days = ImageSet.open(small / DAYS)
    if arm == DAY:
        return days
    if arm == ORACLE:
        return by_day_and_night(days, ImageSet.open(small / TRUE_NIGHTS), folder / "training" / arm)
    large, out = ImageSet.open(folder / "streets" / DAYS), folder / "nights" / arm
    if arm == PHOTOMETRIC:
        nights = photometric_nights(large, out, workers)
    else:
        weights = train_translator(folder / "streets" / UNPAIRED_FOLDER, folder / "translator", device)
        nights = our_nights(large, out, weights, device, workers)
    return by_day_and_night(days, shrunk(nights, small / arm), folder / "training" / arm)


if __name__ == "__main__":
    main()
