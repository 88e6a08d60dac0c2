"""The true night images of the embedded city, for the stages that compare ours with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from pipeline.runtime.machine import read_machine


class CityNights:
    """Renders true night images of the embedded city's raw form at `place`, such as `city/pittsburgh`.

    `ParameterError` when `params` has no such city, or the city has no such form.
    """

    def __init__(self, params: Mapping[str, object], place: str) -> None:
        from pipeline.city.export.archive_layouts import FORMS
        from pipeline.city.settings import CitySettings
        from pipeline.core.params import build, section_of
        from pipeline.runtime.errors import ParameterError

        source, form = PurePosixPath(place).parent.name, PurePosixPath(place).name
        if form not in FORMS:
            raise ParameterError(
                f"true_nights: no such form of the city: {place!r}; known are {', '.join(FORMS)}"
            )
        section = section_of(params, "fetch", source)
        if section.pop("kind", None) != "city":
            raise ParameterError(f"true_nights: fetch.{source} is not an embedded city")
        self._settings = build(CitySettings, section, f"fetch.{source}")
        self._form = form

    def __call__(self, members: frozenset[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the name in its raw archive and the encoded true night of each of `members`."""
        from pipeline.city.export.raw import draw_views

        return draw_views(self._settings, self._form, members, "night", read_machine().workers)
