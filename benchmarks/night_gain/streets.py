"""The streets of the benchmark, rendered by day and by night from the same viewpoints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pipeline.city
from pipeline.city.export.raw import write_unpaired
from pipeline.city.layout.routes import PITTSBURGH_SPLITS, Survey
from pipeline.city.rendering.render_pool import Drawing, draw_all
from pipeline.city.settings import CitySettings
from pipeline.core.files import digest_document, digest_file
from pipeline.datasets.image_set.image_names import Details, name_at_utm, night_name
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.progress import progress

# Each split is its own city, so no street is in two splits.
CITY = CitySettings(
    seed=2022, width=240, height=180, train_places=500, val_places=40, test_places=180,
    tokyo_places=1, tokyo_queries=1, xs_places=1, xs_queries=1,
    yaws=6, pitches=1, query_share=0.5, spacing=12,
)  # fmt: skip
# Training images of the translator of each time of day, at other places of the training streets.
UNPAIRED = 3000
_QUALITY = 92
DAYS, TRUE_NIGHTS, UNPAIRED_FOLDER = "days", "oracle", "unpaired"


def city_digest() -> str:
    """SHA-256 over the settings and all code that renders the city: equal digests mean equal images."""
    (folder,) = pipeline.city.__path__
    modules = sorted(Path(folder).rglob("*.py"))
    code = {path.relative_to(folder).as_posix(): digest_file(path) for path in modules}
    return digest_document({"settings": asdict(CITY), "code": code, "unpaired": UNPAIRED})


def draw_streets(folder: Path, workers: int) -> None:
    """Render what is missing: datasets of day images and their ground-truth nights; unpaired images."""
    for name, time_of_day in ((DAYS, "day"), (TRUE_NIGHTS, "night")):
        if not (folder / name).is_dir():
            _draw_set(folder / name, time_of_day, workers)
    if not (folder / UNPAIRED_FOLDER).is_dir():
        write_unpaired(CITY, folder / UNPAIRED_FOLDER, UNPAIRED, workers)


def days_as_nights(days: ImageSet, out: Path) -> ImageSet:
    """The training and val images of `days`, used as their own nights."""
    return _linked(
        out,
        (
            (replace(row, name=night_name(row.name), time_of_day="night"), days.path(row))
            for row in days.rows
            if row.split != "test"
        ),
    )


def night_queries(days: ImageSet, nights: ImageSet, out: Path) -> ImageSet:
    """The test database of `days` with the queries of `nights`, by links."""
    parts = ((days, "database"), (nights, "queries"))
    return _linked(out, ((row, part.path(row)) for part, role in parts for row in part.where("test", role)))


def by_day_and_night(days: ImageSet, nights: ImageSet, out: Path) -> ImageSet:
    """Training and val images of `days` and their nights in `nights` as one dataset, by links."""
    return _linked(
        out,
        ((row, part.path(row)) for part in (days, nights) for row in part.rows if row.split != "test"),
    )


def _linked(out: Path, images: Iterable[tuple[ImageRow, Path]]) -> ImageSet:
    if not out.is_dir():
        with replaced_set(out) as writer:
            for row, path in images:
                writer.link(row, path)
    return ImageSet.open(out)


def _draw_set(out: Path, time_of_day: str, workers: int) -> None:
    shots = list(_shots(time_of_day))
    drawn = draw_all((drawing for _, drawing in shots), workers)
    with replaced_set(out) as writer:
        for (name, _), data in progress(
            zip(shots, drawn, strict=True), total=len(shots), label=f"draw {out.name}"
        ):
            writer.add(
                name, data, source="city", width=CITY.width, height=CITY.height, time_of_day=time_of_day
            )


def _shots(time_of_day: str) -> Iterator[tuple[str, Drawing]]:
    """Names in the dataset, and how to render them."""
    size = (CITY.width, CITY.height)
    for split in PITTSBURGH_SPLITS:
        survey = Survey(CITY, split)
        drives = {"database": survey.database(along_street=True), "queries": survey.queries()}
        for role, panoramas in drives.items():
            for number, panorama in enumerate(panoramas):
                position = survey.utm(panorama.x, panorama.y)
                for _, yaw, shot in panorama.shots(CITY, CITY.pitches):
                    details = Details(pano_id=f"{number:06d}", tile_num=yaw - 1)
                    file = name_at_utm(*position, survey.zone, survey.letter, details).encode()
                    day = f"images/{split}/{role}/{file}"
                    name = night_name(day) if time_of_day == "night" else day
                    yield name, Drawing(survey.district, shot, time_of_day, *size, ".jpg", _QUALITY)
