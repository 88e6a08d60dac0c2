"""Stage `apart`: what of a set may be learnt from when another set is tested on."""

from __future__ import annotations

from pipeline.runtime.ranges import Metres
from stages.command import stage_command
from stages.known_names import set_names
from stages.options import parameter, shards_parameter
from stages.places import SETS


@stage_command("apart")
@parameter("dataset", str, "The set to select from, below data/sets.", names=set_names)
@parameter(
    "apart_from", str, "The set with which nothing may be in common, below data/sets.", names=set_names
)
@parameter("radius", Metres, "Images at most so far from one of that set are left out.")
@shards_parameter
def main(name: str, dataset: str, apart_from: str, radius: float, shards_above: int) -> str:
    """Keep what of a set is no picture of another set and was taken near none of it, by hard links."""
    from pipeline.datasets.derived.exclude_overlap import exclude_overlap
    from pipeline.datasets.image_set.image_set import ImageSet

    source, other = (ImageSet.open(SETS / part) for part in (dataset, apart_from))
    return str(exclude_overlap(source, other, SETS / name, radius, shards_above))


if __name__ == "__main__":
    main()
