"""`duskline city`: pictures of the embedded city by day and by night, to train a translator on."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.core.machine import read_machine
from stages.command import worded_command


@worded_command("city")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--source", default="city", show_default=True, help="Which city: its key under fetch in params.yaml."
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=1500,
    show_default=True,
    help="Pictures of each time of day.",
)
def main(out: Path, source: str, count: int) -> None:
    """Draw COUNT day and COUNT night pictures of the city's training streets into OUT/day and OUT/night.

    Days and nights are taken at unrelated places: unpaired, as a translator is trained.
    """
    from pipeline.city.raw import write_unpaired
    from pipeline.city.settings import CitySettings
    from pipeline.core.params import build, read_params, section_of

    section = section_of(read_params(), "fetch", source)
    section.pop("kind", None)
    write_unpaired(build(CitySettings, section, f"fetch.{source}"), out, count, read_machine().workers)
    click.echo(f"drew {count:,} day and {count:,} night pictures into {out}/")


if __name__ == "__main__":
    main()
