"""Stage `sheet`: samples of a night set for the eye."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.core.machine import read_machine
from stages.command import stage_command
from stages.places import SETS, SHEETS


@dataclass(frozen=True)
class SheetParams:
    """day: the set that the nights were made of. per_split: pictures of each split.

    true_nights: the embedded city's source and raw form (`city/pittsburgh`) that `day` was formatted from,
    None for other sets.
    """

    day: str
    per_split: int
    true_nights: str | None


@stage_command("sheet")
def main(name: str) -> str:
    """Put small pictures of days, their nights and, of the embedded city, their true nights side by side."""
    from pipeline.core.params import build, read_params, section_of
    from pipeline.datasets.image_set import ImageSet
    from pipeline.report.sheet import write_sheet

    params = read_params()
    sheet = build(SheetParams, section_of(params, "sheets", name), f"sheets.{name}")
    true_nights = None if sheet.true_nights is None else _CityNights(params, sheet.true_nights)
    day, night = (ImageSet.open(SETS / name) for name in (sheet.day, name))
    return f"{write_sheet(SHEETS / name, day, night, sheet.per_split, true_nights)} samples"


class _CityNights:
    """Draws true nights of the embedded city's raw form at `place`."""

    def __init__(self, params: dict[str, object], place: str) -> None:
        from pipeline.city.forms import FORMS
        from pipeline.city.settings import CitySettings
        from pipeline.core.errors import ParameterError
        from pipeline.core.params import build, section_of

        source, form = PurePosixPath(place).parent.name, PurePosixPath(place).name
        if form not in FORMS:
            raise ParameterError(
                f"true_nights: no such form of the city: {place!r}; known are {', '.join(FORMS)}"
            )
        section = section_of(params, "fetch", source)
        if section.pop("kind", None) != "city":
            raise ParameterError(f"true_nights: fetch.{source} is no embedded city")
        self._settings = build(CitySettings, section, f"fetch.{source}")
        self._form = form

    def __call__(self, members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
        from pipeline.city.raw import draw_views

        return draw_views(self._settings, self._form, members, "night", read_machine().workers)


if __name__ == "__main__":
    main()
