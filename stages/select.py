"""Stage `select`: a dataset's database, all or one time of day, and its queries of one time of day."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pipeline.runtime.ranges import Range
from stages.command import stage_command
from stages.known_names import set_names
from stages.options import option, parameter, shards_parameter
from stages.places import SETS


@stage_command("select")
@parameter("dataset", str, "The dataset to select from, in data/sets.", names=set_names)
@parameter("time_of_day", Literal["day", "sunset", "night"], "Time of day of the queries to keep.")
@parameter("corrections", Path, "CSV file `name,time_of_day`; its rows override every other label.")
@parameter(
    "unlabelled",
    Literal["refuse", "brightness"],
    "What to do with queries without a label: stop with an error (refuse), or guess from brightness.",
)
@parameter(
    "expected",
    Annotated[int, Range("queries", least=0)],
    "Number of queries of that time of day that must exist; 0 for any number.",
)
@option(
    "--database",
    Literal["all", "day", "sunset", "night"],
    "Database images to keep, by the labels of the dataset.",
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
    """Keep the database of a dataset and only its queries of one time of day, as hard links."""
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
