"""Stage `select`: a set's whole database, and only its queries of one time of day."""

from __future__ import annotations

from pathlib import Path

import click

from stages.command import parameter, stage_command
from stages.places import SETS


@stage_command("select")
@parameter("dataset", str, "The set to select from, below data/sets.")
@parameter("time_of_day", click.Choice(["day", "sunset", "night"]), "Which queries to keep.")
@parameter(
    "corrections", click.Path(path_type=Path), "CSV `name,time_of_day` whose rows win over every rule."
)
def main(name: str, dataset: str, time_of_day: str, corrections: Path) -> str:
    """Keep the whole database of a set and only its queries of one time of day, by hard links."""
    from pipeline.datasets.image_set import ImageSet
    from pipeline.datasets.select import select_time

    return str(select_time(ImageSet.open(SETS / dataset), SETS / name, time_of_day, corrections))


if __name__ == "__main__":
    main()
