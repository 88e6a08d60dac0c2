"""Stage `merge`: a day set and its night set as one set, by hard links."""

from __future__ import annotations

from stages.command import parameter, stage_command
from stages.places import SETS


@stage_command("merge")
@parameter("day", str, "The day set, below data/sets.")
@parameter("night", str, "Its night set, below data/sets.")
def main(name: str, day: str, night: str) -> str:
    """Put a day set and its night set together: every folder holds its day images and their nights."""
    from pipeline.datasets.image_set import ImageSet
    from pipeline.datasets.merge import merge_sets

    merged = merge_sets(ImageSet.open(SETS / day), ImageSet.open(SETS / night), SETS / name)
    return f"{len(merged.rows)} images ({day} + {night})"


if __name__ == "__main__":
    main()
