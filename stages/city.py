"""`duskline city`: day and night images of the embedded city, to train a translator on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import click

from pipeline.runtime.machine import read_machine
from pipeline.runtime.ranges import Range
from stages.command import STARTS_AGAIN, say, worded_command
from stages.known_names import in_section
from stages.options import option


@worded_command("city", STARTS_AGAIN)
@click.argument("out", type=click.Path(path_type=Path))
@option(
    "--source",
    str,
    "The city: its key under fetch in params.yaml.",
    names=in_section("fetch"),
    default="city",
)
@option(
    "--count",
    Annotated[int, Range("images", least=1)],
    "Number of images for each time of day.",
    default=1500,
)
def main(out: Path, source: str, count: int) -> None:
    """Render COUNT day and COUNT night images of the city's training streets into OUT/day and OUT/night.

    Day and night images show unrelated places: they are unpaired, as for training a translator.
    """
    from pipeline.city.export.raw import write_unpaired
    from pipeline.city.settings import CitySettings
    from pipeline.core.params import build, read_params, section_of

    section = section_of(read_params(), "fetch", source)
    section.pop("kind", None)
    write_unpaired(build(CitySettings, section, f"fetch.{source}"), out, count, read_machine().workers)
    say(f"rendered {count:,} day and {count:,} night images into {out}/")


if __name__ == "__main__":
    main()
