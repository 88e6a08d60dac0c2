"""Pittsburgh (Pitts30k, Pitts250k): JPEGs in tars, listed by NetVLAD's split files, copied unchanged.

In the raw folder: `000.tar`, `001.tar`, ... with members `000/000123_pitch1_yaw7.jpg`; `queries_real.tar`
with `queries_real/010/010001_pitch1_yaw2.jpg`; `netvlad_v100_datasets.tar.gz`, or its `.mat` files loose.
A. Torii et al., "Visual Place Recognition with Repetitive Structures", CVPR 2013.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.datasets.formatting.build_set import RawImage
from pipeline.datasets.formatting.readers.raw_files import RawFiles, require_members
from pipeline.datasets.formatting.readers.split_files import listed_name, read_split_file
from pipeline.datasets.image_set.image_names import Details
from pipeline.datasets.image_set.image_set import ROLES, SPLITS
from pipeline.runtime.errors import BadArchiveError

_ZONE = (17, "T")
_QUERIES = "queries_real"
_VIEWS_IN_A_ROW = 24
_NAME = re.compile(r"([^_]+)_(pitch(\d+)_yaw(\d+))\.jpg")


@dataclass(frozen=True)
class PittsburghSettings:
    """part: the split files to use, by the start of their names: "pitts30k" or "pitts250k"."""

    part: Literal["pitts30k", "pitts250k"]


@dataclass(frozen=True, slots=True)
class _Listed:
    split: str
    role: str
    file_name: str


def read_pittsburgh(raw: Path, settings: PittsburghSettings, held: Path) -> Iterator[RawImage]:
    """Yield the images that the split files list, in their order in the archives.

    held: the user's folder of archives, if `raw` only records them.
    Raises `MissingInputError` or `BadArchiveError` before the first image if a split file or an archive is
    missing or unreadable, or if no archive has a listed image.
    """
    files = RawFiles.of(raw, held)
    places: dict[str, list[_Listed]] = {}
    for split in SPLITS:
        label = f"{settings.part}_{split}.mat"
        listings = read_split_file(files, label, ROLES)
        for role, listing in listings.items():
            folder = f"{_QUERIES}/" if role == "queries" else ""
            for name, (east, north) in zip(listing.names, listing.positions.tolist(), strict=True):
                file_name = formatted_name(name, east, north, label)
                places.setdefault(folder + name, []).append(_Listed(split, role, file_name))
    archives = {name.partition("/")[0] + ".tar" for name in places}
    for name, member in require_members(files, archives, places.keys()).items():
        for listed in places[name]:
            yield RawImage(listed.split, listed.role, listed.file_name, member.label, member.read)


def formatted_name(name: str, east: float, north: float, label: str) -> str:
    """Return the common name of `000/000123_pitch1_yaw7.jpg` taken at a UTM position (m, zone 17T).

    The panorama is the text before the first `_`, the tile (pitch - 1) * 24 + (yaw - 1).
    """
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if match is None:
        raise BadArchiveError(f"{label} lists {name!r}, expected a name such as 000/000123_pitch1_yaw7.jpg")
    pano_id, note, pitch, yaw = match.groups()
    tile = (int(pitch) - 1) * _VIEWS_IN_A_ROW + int(yaw) - 1
    details = Details(pano_id=pano_id, tile_num=tile, note=note)
    return listed_name(east, north, _ZONE, details, f"{label}: {name}")
