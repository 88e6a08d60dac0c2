"""Stage `sheet`: sample images of a night dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.runtime.ranges import Range, require_ranges
from stages.command import stage_command
from stages.places import SETS, SHEETS


@dataclass(frozen=True)
class SheetParams:
    """Which samples of a night dataset are shown.

    day: the day dataset that the night images were made from.
    per_split: number of samples from each split.
    true_nights: source and raw form in the embedded city (`city/pittsburgh`) that `day` was formatted from;
        null for other datasets.
    """

    day: str
    per_split: Annotated[int, Range("images", least=1)]
    true_nights: str | None

    def __post_init__(self) -> None:
        require_ranges(self)


@stage_command("sheet")
def main(name: str) -> str:
    """Show small day images beside their night images and, for the embedded city, their true night images."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.image_set.image_set import ImageSet
    from pipeline.report.sets.sheet import write_sheet
    from stages.city_nights import CityNights

    params = read_params()
    sheet = build(SheetParams, section_of(params, "sheets", name), f"sheets.{name}")
    true_nights = None if sheet.true_nights is None else CityNights(params, sheet.true_nights)
    day, night = (ImageSet.open(SETS / name) for name in (sheet.day, name))
    return f"{write_sheet(SHEETS / name, day, night, sheet.per_split, true_nights)} samples"


if __name__ == "__main__":
    main()
