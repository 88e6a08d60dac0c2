"""Stage `statistics`: a dataset in numbers and two figures, and where it comes from."""

from __future__ import annotations

from typing import Annotated

from pipeline.runtime.machine import read_machine
from pipeline.runtime.ranges import Range
from stages.command import stage_command
from stages.options import parameter
from stages.places import SETS, STATISTICS


@stage_command("statistics")
@parameter(
    "images", Annotated[int, Range("images", least=1)], "Number of images whose brightness is measured."
)
def main(name: str, images: int) -> str:
    """Count the images of a dataset, plot its positions and brightness, and record where it comes from."""
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.report.sets.set_record import write_set_record
    from pipeline.report.sets.statistics import write_statistics

    dataset = ImageSet.open(SETS / name)
    found = write_statistics(STATISTICS / name, dataset, images, read_machine().workers)
    write_set_record(STATISTICS / name, dataset)
    places = f"at {found.places:,} places" if found.has_places else "without positions"
    return f"{len(dataset.rows):,} images {places}, brightness of {found.looked_at:,}"


if __name__ == "__main__":
    main()
