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
    "pictures", Annotated[int, Range("pictures", least=1)], "Number of images whose brightness is measured."
)
def main(name: str, pictures: int) -> str:
    """Count the images of a dataset, plot its positions and brightness, and record where it comes from."""
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.report.sets.set_record import write_set_record
    from pipeline.report.sets.statistics import write_statistics

    images = ImageSet.open(SETS / name)
    found = write_statistics(STATISTICS / name, images, pictures, read_machine().workers)
    write_set_record(STATISTICS / name, images)
    places = f"at {found.places:,} places" if found.has_places else "nobody knows where"
    return f"{len(images.rows):,} images {places}, {found.looked_at:,} looked at"


if __name__ == "__main__":
    main()
