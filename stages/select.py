"""Stage `select`: a set's database, whole or of one time of day, and only its queries of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pipeline.runtime.ranges import Range
from stages.command import stage_command
from stages.known_names import set_names
from stages.options import option, parameter, shards_parameter
from stages.places import SETS


@stage_command("select")
@parameter("dataset", str, "The set to select from, below data/sets.", names=set_names)
@parameter("time_of_day", Literal["day", "sunset", "night"], "Which queries to keep.")
@parameter("corrections", Path, "CSV `name,time_of_day` whose rows win over every rule.")
@parameter(
    "unlabelled",
    Literal["refuse", "brightness"],
    "What becomes of queries that nothing labels: an error, or a guess by their light.",
)
@parameter(
    "expected",
    Annotated[int, Range("queries", least=0)],
    "How many queries of that time must be there; 0: any.",
)
@option(
    "--database",
    Literal["all", "day", "sunset", "night"],
    "Which pictures of the database to keep, by the labels of the set.",
    default="all",
)
@shards_parameter
def main(
    name: str,
    dataset: str,
    time_of_day: str,
    corrections: Path,
    unlabelled: Literal["refuse", "brightness"],
    expected: int,
    database: Literal["all", "day", "sunset", "night"],
    shards_above: int,
) -> str:
    """Keep the database of a set and only its queries of one time of day, by hard links."""
    from pipeline.datasets.derived.select import select_time
    from pipeline.datasets.image_set.image_set import ImageSet

    source = ImageSet.open(SETS / dataset)
    return str(
        select_time(
            source, SETS / name, time_of_day, corrections, unlabelled, expected, shards_above, database
        )
    )


if __name__ == "__main__":
    main()
