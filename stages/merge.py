"""Stage `merge`: a day dataset and its night dataset as one dataset, with hard links."""

from __future__ import annotations

from pipeline.runtime.ranges import Seed, Share
from stages.command import stage_command
from stages.known_names import set_names
from stages.options import parameter, shards_parameter
from stages.places import SETS


@stage_command("merge")
@parameter("day", str, "The day dataset, in data/sets.", names=set_names)
@parameter("night", str, "Its night dataset, in data/sets.", names=set_names)
@parameter("keep_nights", Share, "Share of the night images to take from each split and role.")
@parameter("seed", Seed, "Seed of the choice of night images.")
@shards_parameter
def main(name: str, day: str, night: str, keep_nights: float, seed: int, shards_above: int) -> str:
    """Merge a day dataset and its night dataset: each folder has its day images and their night images."""
    from pipeline.datasets.derived.merge import merge_sets
    from pipeline.datasets.image_set.image_set import ImageSet

    days, nights = (ImageSet.open(SETS / part) for part in (day, night))
    merged = merge_sets(days, nights, SETS / name, keep_nights, seed, shards_above)
    taken = len(merged.rows) - len(days.rows)
    of_each = f"{len(days.rows):,} of {day} + {taken:,} of {len(nights.rows):,} of {night}"
    return f"{len(merged.rows):,} images ({of_each})"


if __name__ == "__main__":
    main()
