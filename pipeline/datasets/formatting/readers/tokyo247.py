"""Tokyo 24/7: database PNGs in tars, query JPEGs in a zip with a CSV for each; all become JPEG.

In the raw folder: `03814.tar`, ... with members `03814/NAME_012_000.png` (the split file says `.jpg`);
`tokyo247.mat`, loose or in `netvlad_v100_datasets.tar.gz`; `247query_subset_v2.zip` or `247query_v3.zip`.
A. Torii et al., "24/7 Place Recognition by View Synthesis", CVPR 2015.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.clutter import is_clutter
from pipeline.datasets.archives.archive_members import Member, members
from pipeline.datasets.formatting.build_set import RawImage, Recode
from pipeline.datasets.formatting.readers.raw_files import RawFiles, require_archives, require_members
from pipeline.datasets.formatting.readers.split_files import listed_name, read_split_file
from pipeline.datasets.image_set.image_names import Details, name_at
from pipeline.datasets.time_of_day.labels import time_of_letter, time_of_number
from pipeline.runtime.errors import BadArchiveError, NameFormatError, SetError, listed
from pipeline.runtime.ranges import JpegQuality, Pixels, require_ranges

_SPLIT = "test"
_SPLIT_FILE = "tokyo247.mat"
_ZONE = (54, "S")
_PANO_ID_LENGTH = 22
_DEGREES_PER_TILE = 30
_NAME = re.compile(r".*_012_(\d+)\.png")
_LETTER_FIELD = 5


@dataclass(frozen=True)
class Tokyo247Settings:
    """How Tokyo 24/7 is formatted; the usual values are 480 and 75.

    queries: archive of the queries: "247query_subset_v2" (315) or "247query_v3" (1,125).
    queries_shorter_side: shorter side to which queries are resized, even if this enlarges them.
    jpeg_quality: JPEG quality of all images.
    """

    queries: Literal["247query_subset_v2", "247query_v3"]
    queries_shorter_side: Pixels
    jpeg_quality: JpegQuality

    def __post_init__(self) -> None:
        require_ranges(self)


def read_tokyo247(raw: Path, settings: Tokyo247Settings, held: Path) -> Iterator[RawImage]:
    """Yield the listed database images in the order of the archives, then the queries by their names.

    held: the user's folder of archives, if `raw` only records them.
    Raises `MissingInputError`, `BadArchiveError` or `SetError` before the first image if a split file, an
    archive, a listed image or the CSV of a query is missing or unreadable.
    """
    files = RawFiles.of(raw, held)
    queries = _queries(files, settings)
    yield from _database(files, Recode(settings.jpeg_quality))
    yield from queries


def read_tokyo247_queries(raw: Path, settings: Tokyo247Settings, held: Path) -> Iterator[RawImage]:
    """Yield only the queries, by their names; the raw folder needs only their archive.

    `held` and errors as in `read_tokyo247`.
    """
    yield from _queries(RawFiles.of(raw, held), settings)


def _database(raw: RawFiles, recode: Recode) -> Iterator[RawImage]:
    listing = read_split_file(raw, _SPLIT_FILE, ("database",))["database"]
    names: dict[str, str] = {}
    for name, (east, north) in zip(listing.names, listing.positions.tolist(), strict=True):
        stored = name.removesuffix(".jpg") + ".png"
        names[stored] = formatted_name(stored, east, north, _SPLIT_FILE)
    archives = {name.partition("/")[0] + ".tar" for name in names}
    for name, member in require_members(raw, archives, names.keys()).items():
        yield RawImage(_SPLIT, "database", names[name], member.label, member.read, recode=recode)


def formatted_name(name: str, east: float, north: float, label: str) -> str:
    """Return the common name of `03814/NAME_012_030.png` taken at a UTM position (m, zone 54S).

    The panorama is the first 22 characters, the tile the angle // 30.
    """
    base = name.rpartition("/")[2]
    match = _NAME.fullmatch(base)
    if match is None:
        raise BadArchiveError(f"{label} lists {name!r}, expected a name such as 03814/NAME_012_030.png")
    details = Details(pano_id=base[:_PANO_ID_LENGTH], tile_num=int(match[1]) // _DEGREES_PER_TILE)
    return listed_name(east, north, _ZONE, details, f"{label}: {name}")


def _queries(raw: RawFiles, settings: Tokyo247Settings) -> list[RawImage]:
    file_name = f"{settings.queries}.zip"
    archive = require_archives(raw, [file_name])[file_name]
    pictures: dict[str, Member] = {}
    tables: dict[str, Member] = {}
    for member in members(archive):
        stem, _, suffix = member.name.rpartition(".")
        if not is_clutter(member.name) and suffix.lower() in ("jpg", "csv"):
            (pictures if suffix.lower() == "jpg" else tables)[stem] = member
    without = [pictures[stem].name for stem in sorted(pictures) if stem not in tables]
    if not pictures or without:
        raise BadArchiveError(
            f"{archive}: {len(without)} of {len(pictures)} queries have no CSV beside them:{listed(without)}"
            if pictures
            else f"{archive} contains no queries (.jpg)"
        )
    recode = Recode(settings.jpeg_quality, settings.queries_shorter_side)
    images, wrong = [], []
    for stem in sorted(pictures):
        try:
            images.append(_query(pictures[stem], tables[stem], recode))
        except (SetError, NameFormatError) as error:
            wrong.append(f"{tables[stem].label}: {error.message}")
    if wrong:
        raise SetError(f"{len(wrong)} of {len(pictures)} queries have an invalid CSV:{listed(wrong)}")
    return images


def _query(picture: Member, table: Member, recode: Recode) -> RawImage:
    """Describe one query by the first line of its CSV: name, latitude, longitude, and a letter in field 6."""
    first_line = table.read().decode("utf-8-sig", errors="replace").split("\n", 1)[0].rstrip("\r")
    values = first_line.split(",")
    if len(values) < 3:
        raise SetError(f"expected name,latitude,longitude,... in the first line, found {first_line!r}")
    pano_id, latitude, longitude = values[:3]
    name = name_at(latitude, longitude, Details(pano_id=pano_id)).encode()
    letter = values[_LETTER_FIELD].strip() if len(values) > _LETTER_FIELD else ""
    time_of_day = _time_of_day(letter, picture.name.rpartition("/")[2].rpartition(".")[0])
    return RawImage(_SPLIT, "queries", name, picture.label, picture.read, time_of_day, recode)


def _time_of_day(letter: str, stem: str) -> str:
    """By the letter, or without one by the number; if there are both, they must agree."""
    by_number = time_of_number(int(stem)) if stem.isdecimal() else ""
    if not letter:
        return by_number
    by_letter = time_of_letter(letter)
    if by_number not in ("", by_letter):
        raise SetError(f"the letter {letter} says {by_letter}, the number {stem} says {by_number}")
    return by_letter
