"""Stage `augmentations`: the same training queries with each augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pipeline.runtime.ranges import Pixels, Range, require_ranges
from stages.command import stage_command
from stages.places import AUGMENTATIONS, SETS


@dataclass(frozen=True)
class AugmentationSheetParams:
    """Which training queries are shown, with which augmentations.

    dataset: the dataset whose training queries are shown.
    images: number of queries.
    height: height of each image.
    changes: an augmentation for each column title, in the form that models of `train` use.
    """

    dataset: str
    images: Annotated[int, Range("images", least=1)]
    height: Pixels
    changes: dict[str, Any]

    def __post_init__(self) -> None:
        require_ranges(self)


@stage_command("augmentations")
def main(name: str) -> str:
    """Show a few training queries side by side: unchanged, and with each augmentation."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.report.sets.augmentations import write_augmentations
    from pipeline.vpr.augmentation.transforms import Augmentation

    where = f"augmentations.{name}"
    sheet = build(AugmentationSheetParams, section_of(read_params(), "augmentations", name), where)
    changes = {
        title: build(Augmentation, section, f"{where}.changes.{title}")
        for title, section in sheet.changes.items()
    }
    images = ImageSet.open(SETS / sheet.dataset)
    target = AUGMENTATIONS / f"{name}.jpg"
    count = write_augmentations(target, images, changes, sheet.images, sheet.height)
    return f"{count} images under {len(changes)} changes in {target}"


if __name__ == "__main__":
    main()
