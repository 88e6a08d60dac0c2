"""The embedded city as raw files: the forms of the published sets, written whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator
from dataclasses import replace
from pathlib import Path

from pipeline.city.export.archive_layouts import FORMS, SPLIT_ARCHIVE, Form, form_of
from pipeline.city.export.deterministic_archives import Add, new_archive
from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.routes import Survey
from pipeline.city.rendering.render_pool import Drawing, draw_all
from pipeline.city.settings import CitySettings
from pipeline.core.files import replaced_folder, write_bytes
from pipeline.runtime.progress import progress

_UNPAIRED_QUALITY = 92
# Metres; about a block.
_PIECE = 60.0


def write_city(settings: CitySettings, folder: Path, workers: int) -> dict[str, int]:
    """Write the raw sets into `folder`/{pittsburgh,tokyo247,xs}; return the images of each.

    The bytes depend only on `settings`, not on `workers` (rendering processes). An older `folder` is replaced
    when everything is written; if the run ends before, it stays unchanged.
    """
    forms = [form_of(settings, name) for name in FORMS]
    counts = {form.name: sum(1 for _ in form.pictures()) for form in forms}
    with replaced_folder(folder, _is_city, "a city") as beside:
        drawings = (picture.drawing for form in forms for picture in form.pictures())
        with contextlib.closing(draw_all(drawings, workers)) as drawn:
            pictures = progress(drawn, total=sum(counts.values()), label="draw the city")
            for form in forms:
                _write_form(form, beside / form.name, pictures)
    return counts


def draw_views(
    settings: CitySettings, form: str, members: Container[str], time_of_day: str, workers: int
) -> Iterator[tuple[str, bytes]]:
    """Yield (name in its raw archive, encoded image) of the `members` of `form` at another time of day.

    Geometry, visit and exposure are those of the raw set, so these are the true nights of its days.
    """
    pictures = [picture for picture in form_of(settings, form).pictures() if picture.member in members]
    drawings = [replace(picture.drawing, time_of_day=time_of_day) for picture in pictures]
    for picture, data in zip(pictures, draw_all(drawings, workers), strict=True):
        yield picture.member, data


def write_unpaired(settings: CitySettings, folder: Path, count: int, workers: int) -> None:
    """Write `count` images each into `folder`/day and `folder`/night, to train a translator on.

    All are in the streets of the training split; nights and days are at unrelated places.
    `folder` must be new or empty, and appears when everything is written.
    """
    survey = Survey(settings, "train")
    size = (settings.width, settings.height)
    drawings: dict[str, Drawing] = {}
    for time_of_day in ("day", "night"):
        shots = enumerate(survey.stray(count, f"unpaired {time_of_day}"))
        # One part of the city after the other, because a painter that already has the textures is fast.
        for index, shot in sorted(shots, key=lambda numbered: _piece(numbered[1])):
            drawing = Drawing(survey.district, shot, time_of_day, *size, ".jpg", _UNPAIRED_QUALITY)
            drawings[f"{time_of_day}/{index:06d}.jpg"] = drawing
    # Users may keep their own images in folders named day and night, so these are never replaced.
    with replaced_folder(folder, lambda _: False, "new") as beside:
        drawn = draw_all(drawings.values(), workers)
        pictures = progress(drawn, total=len(drawings), label="draw unpaired views")
        for name, data in zip(drawings, pictures, strict=True):
            write_bytes(beside / name, data)


def _piece(shot: Shot) -> tuple[int, int, float]:
    return shot.visit, int(shot.x // _PIECE), shot.y


def _write_form(form: Form, folder: Path, drawn: Iterator[bytes]) -> None:
    folder.mkdir()
    with contextlib.ExitStack() as opened:
        archives: dict[str, Add] = {}
        for part in form.parts:
            if part.archive not in archives:
                archives[part.archive] = opened.enter_context(new_archive(folder / part.archive))
            for picture in part.pictures():
                archives[part.archive](picture.member, next(drawn))
                for companion in picture.companions:
                    archives[part.archive](*companion)
    if form.split_files:
        with new_archive(folder / SPLIT_ARCHIVE) as add:
            for member in form.split_files:
                add(*member)


def _is_city(folder: Path) -> bool:
    return {path.name for path in folder.iterdir()} <= set(FORMS)
