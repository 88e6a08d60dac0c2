"""The raw forms: their archives, the images in them by name, and the files that belong to them.

The forms are those of the published datasets (see each function), so that the readers of the real datasets
read the city. Nothing is rendered here.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import utm

from pipeline.city.export.deterministic_archives import Member, split_file
from pipeline.city.geometry.camera import Shot
from pipeline.city.layout.routes import PITTSBURGH_SPLITS, Panorama, Survey
from pipeline.city.rendering.render_pool import Drawing
from pipeline.city.settings import YAW_STEPS, CitySettings
from pipeline.datasets.image_set.image_names import Details, name_at_utm

FORMS = ("pittsburgh", "tokyo247", "xs")

_JPEG_QUALITY = 92
# posDistThr (m), posDistSqThr and nonTrivPosDistSqThr (m²) of the published split files.
_DISTANCES = (25.0, 625.0, 100.0)
SPLIT_ARCHIVE = "netvlad_v100_datasets.tar.gz"
# Panoramas are numbered consecutively, a thousand to an archive; each split begins with a new archive.
_PER_ARCHIVE = 1000
# Query panoramas are numbered from here on, as in the published set, or from the first free thousand.
_FIRST_QUERY = 10_000
_QUERY_FOLDER = "queries_real"

_TOKYO_FIRST_ARCHIVE = 3814
_TOKYO_PER_ARCHIVE = 400
_TOKYO_QUERIES = "247query_subset_v2"
# In the order of their numbers, with the letter of the CSV.
_TOKYO_TIMES = (("day", "D"), ("sunset", "S"), ("night", "N"))

_XS_FOLDER = "city_xs"


@dataclass(frozen=True, slots=True)
class Picture:
    """One image: its name in the archive, how to draw it, its UTM position (m), files beside it."""

    member: str
    drawing: Drawing
    position: tuple[float, float]
    companions: tuple[Member, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Images that go into an archive one after the other, listed again by every call.

    An archive may have several parts, with others between them: all images of one city are rendered together,
    because a painter that already has the city's textures is fast.
    """

    archive: str
    pictures: Callable[[], Iterator[Picture]]


@dataclass(frozen=True)
class Form:
    """One raw form: its images, and the split files, which are packed together."""

    name: str
    parts: tuple[Part, ...]
    split_files: tuple[Member, ...] = ()

    def pictures(self) -> Iterator[Picture]:
        """Yield all images, part by part."""
        for part in self.parts:
            yield from part.pictures()


def form_of(settings: CitySettings, name: str) -> Form:
    """Plan one of `FORMS`."""
    return {"pittsburgh": _pittsburgh, "tokyo247": _tokyo247, "xs": _xs}[name](settings)


def _drawing(
    settings: CitySettings, survey: Survey, shot: Shot, time_of_day: str, suffix: str = ".jpg"
) -> Drawing:
    return Drawing(survey.district, shot, time_of_day, settings.width, settings.height, suffix, _JPEG_QUALITY)


# Pittsburgh: 000.tar ... with 000/000123_pitch1_yaw7.jpg, queries_real.tar, pitts30k_{train,val,test}.mat.


def _pittsburgh(settings: CitySettings) -> Form:
    parts: list[Part] = []
    split_files = []
    surveys = [Survey(settings, split) for split in PITTSBURGH_SPLITS]
    query_number = max(_FIRST_QUERY, sum(_thousands(len(survey.standpoints)) for survey in surveys))
    number = 0
    for survey in surveys:
        panoramas = list(survey.database(along_street=True))
        for begin in range(0, len(panoramas), _PER_ARCHIVE):
            part = panoramas[begin : begin + _PER_ARCHIVE]
            listing = _views(settings, survey, part, number + begin, "")
            parts.append(Part(f"{(number + begin) // _PER_ARCHIVE:03d}.tar", listing))
        later = list(survey.queries())
        parts.append(
            Part(f"{_QUERY_FOLDER}.tar", _views(settings, survey, later, query_number, f"{_QUERY_FOLDER}/"))
        )
        mat = split_file(
            survey.name,
            _positions(_views(settings, survey, panoramas, number, "")()),
            _positions(_views(settings, survey, later, query_number, "")()),
            _DISTANCES,
        )
        split_files.append((f"datasets/pitts30k_{survey.name}.mat", mat))
        number += _thousands(len(panoramas))
        query_number += len(later)
    return Form("pittsburgh", tuple(parts), tuple(split_files))


def _thousands(count: int) -> int:
    return -(-count // _PER_ARCHIVE) * _PER_ARCHIVE


def _views(
    settings: CitySettings, survey: Survey, panoramas: list[Panorama], first: int, folder: str
) -> Callable[[], Iterator[Picture]]:
    def listing() -> Iterator[Picture]:
        for number, panorama in enumerate(panoramas, start=first):
            position = survey.utm(panorama.x, panorama.y)
            for pitch, yaw, shot in panorama.shots(settings, settings.pitches):
                member = f"{folder}{number // _PER_ARCHIVE:03d}/{number:06d}_pitch{pitch}_yaw{yaw}.jpg"
                yield Picture(member, _drawing(settings, survey, shot, "day"), position)

    return listing


def _positions(pictures: Iterator[Picture]) -> dict[str, tuple[float, float]]:
    return {picture.member: picture.position for picture in pictures}


# Tokyo 24/7: 03814.tar ... with 03814/<22 characters>_012_030.png, a zip of queries each with a CSV, a .mat
# that says .jpg.


def _tokyo247(settings: CitySettings) -> Form:
    survey = Survey(settings, "tokyo")
    panoramas = list(survey.database(along_street=False))
    # At least two archives, even for a small set, because readers must join several.
    count = min(len(panoramas), max(2, -(-len(panoramas) // _TOKYO_PER_ARCHIVE)))
    parts, database = [], {}
    for index, numbers in enumerate(np.array_split(np.arange(len(panoramas)), count)):
        folder = f"{_TOKYO_FIRST_ARCHIVE + index:05d}"
        listing = _tokyo_views(settings, survey, [(int(n), panoramas[n]) for n in numbers], folder)
        parts.append(Part(f"{folder}.tar", listing))
        for picture in listing():
            database[picture.member.removesuffix(".png") + ".jpg"] = picture.position

    def queries() -> Iterator[Picture]:
        return _tokyo_queries(settings, survey)

    parts.append(Part(f"{_TOKYO_QUERIES}.zip", queries))
    asked = {picture.member.rpartition("/")[2]: picture.position for picture in queries()}
    mat = split_file("test", database, asked, _DISTANCES)
    return Form("tokyo247", tuple(parts), (("datasets/tokyo247.mat", mat),))


def _tokyo_views(
    settings: CitySettings, survey: Survey, panoramas: list[tuple[int, Panorama]], folder: str
) -> Callable[[], Iterator[Picture]]:
    def listing() -> Iterator[Picture]:
        for number, panorama in panoramas:
            position = survey.utm(panorama.x, panorama.y)
            for _, yaw, shot in panorama.shots(settings, 1):
                angle = (yaw - 1) * 360 // YAW_STEPS
                member = f"{folder}/{_panorama_id(settings.seed, number)}_012_{angle:03d}.png"
                yield Picture(member, _drawing(settings, survey, shot, "day", ".png"), position)

    return listing


def _panorama_id(seed: int, number: int) -> str:
    """Twenty-two letters and digits, like the names of panoramas in the published dataset."""
    digest = hashlib.sha256(f"{seed} {number}".encode("ascii")).digest()
    return base64.b64encode(digest[:16], altchars=b"xy").decode("ascii")[:22]


def _tokyo_queries(settings: CitySettings, survey: Survey) -> Iterator[Picture]:
    """Each view by day, at sunset and by night, with consecutive numbers and slightly different cameras."""
    for index, view in enumerate(survey.walk(settings.tokyo_queries)):
        rng = np.random.default_rng([settings.seed, index, *b"tokyo times"])
        for step, (time_of_day, letter) in enumerate(_TOKYO_TIMES):
            shot = replace(
                view,
                x=view.x + float(rng.normal(0, 0.3)),
                y=view.y + float(rng.normal(0, 0.3)),
                yaw=(view.yaw + float(rng.normal(0, 3))) % 360,
                exposure=view.exposure + float(rng.normal(0, 0.15)),
                noise_seed=view.noise_seed + step,
            )
            position = survey.utm(shot.x, shot.y)
            name = f"{3 * index + step + 1:05d}"
            latitude, longitude = utm.to_latlon(*position, survey.zone, survey.letter)
            line = f"{name}.jpg,{latitude:.8f},{longitude:.8f},{shot.camera_height},{shot.yaw:.1f},{letter}\n"
            yield Picture(
                f"{_TOKYO_QUERIES}/{name}.jpg",
                _drawing(settings, survey, shot, time_of_day),
                position,
                ((f"{_TOKYO_QUERIES}/{name}.csv", line.encode("ascii")),),
            )


# The small datasets of the course: one archive, already with common names, without the `images` folder.


def _xs(settings: CitySettings) -> Form:
    survey = Survey(settings, "xs")

    def pictures() -> Iterator[Picture]:
        for number, panorama in enumerate(survey.database(along_street=False)):
            for _, yaw, shot in panorama.shots(settings, 1):
                yield _xs_picture(settings, survey, "database", shot, f"xs{number:06d}", yaw - 1)
        for number, shot in enumerate(survey.walk(settings.xs_queries)):
            yield _xs_picture(settings, survey, "queries", shot, f"phone{number:05d}", None)

    return Form("xs", (Part(f"{_XS_FOLDER}.zip", pictures),))


def _xs_picture(
    settings: CitySettings, survey: Survey, role: str, shot: Shot, pano_id: str, tile: int | None
) -> Picture:
    position = survey.utm(shot.x, shot.y)
    details = Details(
        pano_id=pano_id,
        tile_num=tile,
        heading=shot.yaw,
        pitch=shot.pitch,
        # The two drives: the database, and two years later.
        timestamp=str(2013 + 2 * shot.visit),
    )
    name = name_at_utm(*position, survey.zone, survey.letter, details).encode()
    return Picture(f"{_XS_FOLDER}/test/{role}/{name}", _drawing(settings, survey, shot, "day"), position)
