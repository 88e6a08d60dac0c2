"""What nights are worth to a recogniser, measured in the embedded city, where the true nights are known.

python -m benchmarks.night_gain work/night_gain

Recognisers learn from days only, from days and photometric nights, from days and our nights, and from days
and the true nights (the oracle), and are tested on held-out streets by day and by night. Every piece that is
there already stays, and one that was ended goes on: kill it and start it again at will. Two may run side by
side if they are given other recognisers (`--arm`, `--seed`).
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.night_gain.nights import OURS, PHOTOMETRIC, SHIPPED, make_nights, train_translator
from benchmarks.night_gain.pictures import likeness
from benchmarks.night_gain.recognisers import recognise, settings_of
from benchmarks.night_gain.report import DAY, ORACLE, Measured, likeness_table
from benchmarks.night_gain.streets import (
    BY_NIGHT,
    DAYS,
    TRUE_NIGHTS,
    UNPAIRED_FOLDER,
    by_day_and_night,
    city_digest,
    draw_streets,
)
from pipeline.core.files import write_bytes
from pipeline.core.machine import read_machine
from pipeline.datasets.image_set import ImageSet

ARMS = (DAY, PHOTOMETRIC, OURS, ORACLE)
SEEDS = (0, 1, 2)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--arm", "arms", multiple=True, type=click.Choice(ARMS), help="Only these recognisers.")
@click.option("--seed", "seeds", multiple=True, type=int, help="Only these seeds.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"), show_default=True)
def main(folder: Path, arms: tuple[str, ...], seeds: tuple[int, ...], out: Path) -> None:
    """Make in FOLDER what is not there yet; when all is, write night_gain.json and night_gain.md."""
    workers = read_machine().workers
    streets = folder / "streets"
    draw_streets(streets, workers)
    days, true, by_night = (ImageSet.open(streets / name) for name in (DAYS, TRUE_NIGHTS, BY_NIGHT))
    ours = train_translator(streets / UNPAIRED_FOLDER, folder / "translator")
    nights = make_nights(days, folder / "nights", Path("unit/weights/city.pt"), ours, workers)
    learnt_from = {DAY: days} | {
        arm: by_day_and_night(days, some, folder / "training" / arm)
        for arm, some in ((PHOTOMETRIC, nights[PHOTOMETRIC]), (OURS, nights[OURS]), (ORACLE, true))
    }
    tests = {"day": days, "night": by_night}
    for seed in seeds or SEEDS:
        for arm in arms or ARMS:
            recognise(f"{arm}-{seed}", settings_of(arm, seed), learnt_from[arm], tests, folder, workers)
            click.echo(f"{arm}-{seed} is done", err=True)
    if arms or seeds:
        return
    measured = Measured(folder / "results", tests, ARMS, SEEDS)
    measured.write_list(out / "night_gain.json")
    rows = {
        "the days themselves": likeness(days, None, true),
        "photometric (`classical`)": likeness(days, nights[PHOTOMETRIC], true),
        "shipped, `unit/weights/city.pt`": likeness(days, nights[SHIPPED], true),
        "ours": likeness(days, nights[OURS], true),
        "true": likeness(days, true, true),
    }
    digest = f"The city's settings and code: SHA-256 `{city_digest()}`."
    text = "\n\n".join((digest, likeness_table(rows), measured.recalls(), measured.gains()))
    write_bytes(out / "night_gain.md", f"{text}\n".encode())
    click.echo(text)


if __name__ == "__main__":
    main()
