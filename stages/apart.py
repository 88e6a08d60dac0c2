"""Stage `apart`: the images of a dataset that may be used for training when another one is the test set."""

from __future__ import annotations

from pipeline.runtime.ranges import Metres
from stages.command import stage_command
from stages.known_names import set_names
from stages.options import parameter, shards_parameter
from stages.places import SETS


@stage_command("apart")
@parameter("dataset", str, "The dataset to select from, in data/sets.", names=set_names)
@parameter("apart_from", str, "The dataset that the result must not overlap, in data/sets.", names=set_names)
@parameter("radius", Metres, "Images within this distance of an image of that dataset are left out.")
@shards_parameter
def main(name: str, dataset: str, apart_from: str, radius: float, shards_above: int) -> str:
    """Keep the images of a dataset that are not in another one and not taken near it, as hard links."""
    from pipeline.datasets.derived.exclude_overlap import exclude_overlap
    from pipeline.datasets.image_set.image_set import ImageSet

    source, other = (ImageSet.open(SETS / part) for part in (dataset, apart_from))
    return str(exclude_overlap(source, other, SETS / name, radius, shards_above))


if __name__ == "__main__":
    main()
