"""GSV-Cities: street views of 23 cities, each place seen 4 to 20 times within 14 years.

`Dataframes/<city>.csv` lists the images in `Images/<city>/`, in a zip or unpacked. The authors do not divide
them into database and queries; here the newest image of each place is a query, the others are database.
A. Ali-bey et al., "GSV-Cities: Toward Appropriate Supervised Visual Place Recognition", 2022.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Annotated

import numpy as np
from scipy.spatial import cKDTree

from pipeline.core.files import digest_bytes
from pipeline.datasets.formatting.build_set import RawImage
from pipeline.datasets.formatting.readers.raw_tree import RawTree, text_rows
from pipeline.datasets.image_set.image_names import Details, name_at
from pipeline.datasets.image_set.utm_grid import LatLon, UtmGrid, grid_of_places, own_grid
from pipeline.runtime.errors import BadArchiveError, MissingInputError, NameFormatError, UserError, listed
from pipeline.runtime.progress import progress
from pipeline.runtime.ranges import Range, Seed, require_ranges

_LOG = logging.getLogger(__name__)

_COLUMNS = ("place_id", "year", "month", "northdeg", "city_id", "lat", "lon", "panoid")
# Folders have the id or the name of the city; file names have the id.
_IN_TREE = re.compile(r"(?:.*/)?(?:Dataframes/([^/]+\.csv)|Images/(?:[^/]+/)?([^/]+\.jpg))", re.IGNORECASE)
# Before the id of the panorama, which may contain `_`, the separator of the fields.
_FIELDS_BEFORE = 7
# The images of a place are within a few metres, and places 100 m apart, as published.
_VAL_APART = 50.0


@dataclass(frozen=True)
class GsvCitiesSettings:
    """How GSV-Cities becomes a dataset; the division into splits and roles is our own.

    cities: ids of the cities to use, such as [PRS, London]; null for all that exist.
    val_share: share of the places of each city for val, at least one place unless it is 0; the rest is train.
    seed: random seed of the places drawn for val.
    """

    cities: tuple[str, ...] | None
    val_share: Annotated[float, Range(least=0, below=1)]
    seed: Seed

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(slots=True)
class _Picture:
    """A row of a table. date: YYYYMM. northdeg: unchanged, may be more than 360."""

    city: str
    place: str
    date: str
    northdeg: str
    latitude: float
    longitude: float
    pano_id: str
    split: str = "train"
    role: str = "database"

    @property
    def at(self) -> LatLon:
        """Latitude and longitude in degrees."""
        return self.latitude, self.longitude

    def name(self, grid: UtmGrid | None = None) -> str:
        """The common name."""
        details = Details(self.pano_id, None, self.northdeg, timestamp=self.date, note=self.place)
        return name_at(*self.at, details, grid).encode()


def read_gsv_cities(raw: Path, settings: GsvCitiesSettings, held: Path) -> Iterator[RawImage]:
    """Yield the images that the tables list, in their order in the raw folder.

    held: the user's folder of archives, if `raw` only records them.
    Raises, before the first image, `MissingInputError` if the tables or some of `cities` are missing,
    `BadArchiveError` for an invalid table and for listed images that are missing, and `UserError` naming rows
    that cannot be used.
    """
    tree = RawTree.of(raw, held, place_in_tree)
    pictures = _listed(tree, settings)
    _require_pictures(tree, pictures)
    grids = _cut(pictures, settings)
    for file in tree.files(".jpg"):
        # Popped, because a second copy elsewhere in the tree would get the same name.
        picture = pictures.pop(_key_in_name(file.place), None)
        if picture is not None and picture.split:
            grid, lies_in = grids[picture.city], own_grid(picture.at)
            yield RawImage(
                split=picture.split,
                role=picture.role,
                file_name=picture.name(grid),
                source=file.label,
                read=file.read,
                brought_from="" if lies_in == grid else str(lies_in),
                city=picture.city,
                loose=file.loose,
            )


def place_in_tree(path: str) -> str:
    """The name of a table or an image of the published tree, without folders; "" for other files."""
    found = _IN_TREE.fullmatch(path)
    return (found[1] or found[2]) if found else ""


def _listed(tree: RawTree, settings: GsvCitiesSettings) -> dict[str, _Picture]:
    """The images that the tables list, by their names without latitude and longitude.

    These two are not compared, because some programs change their last digit.
    """
    pictures: dict[str, _Picture] = {}
    wrong: list[str] = []
    twice, cities = [], set()
    for table in tree.files(".csv"):
        for line, cells in enumerate(text_rows(table, _COLUMNS), 2):
            city = cells[_COLUMNS.index("city_id")]
            cities.add(city)
            if settings.cities is None or city in settings.cities:
                try:
                    key, picture = _row(cells)
                except (ValueError, NameFormatError) as error:
                    wrong.append(f"{table.label}, line {line}: {error.args[0]}")
                    continue
                if pictures.setdefault(key, picture) is not picture:
                    twice.append(f"{table.label}, line {line}: {key}")
    if wrong:
        raise UserError(
            f"{len(wrong)} rows of the tables of {tree.folder} cannot be used:{listed(wrong)}",
            hint="download the tables again, and do not edit them",
        )
    missing = sorted(set(settings.cities or ()) - cities)
    if missing or not pictures:
        what = f"no table in {tree.folder} has the cities {', '.join(missing)}" if missing else ""
        raise MissingInputError(
            what or f"no tables Dataframes/<city>.csv in {tree.folder}, neither as files nor in archives",
            hint=f"cities found: {', '.join(sorted(cities)) or 'none'}; copy the zip of GSV-Cities, or its"
            " folders Dataframes and Images, there, and use ids as names of cities",
        )
    if twice:
        _LOG.warning("%d rows repeat an earlier one and count once:%s", len(twice), listed(twice))
    return pictures


def _row(cells: tuple[str, ...]) -> tuple[str, _Picture]:
    place_id, year, month, northdeg, city, latitude, longitude, pano_id = cells
    if not city or "_" in city or "@" in city or "/" in city:
        raise ValueError(f"city_id {city!r} is not an id")
    place = intern(f"{city}_{int(place_id):07d}")
    date, direction = f"{int(year):04d}{int(month):02d}", f"{int(northdeg):03d}"
    at = float(latitude), float(longitude)
    picture = _Picture(intern(city), place, intern(date), intern(direction), *at, pano_id)
    # Raises for what cannot be named, before an image is read.
    picture.name()
    return _key(place, date[:4], date[4:], direction, pano_id), picture


def _key(*fields: str) -> str:
    return "_".join(fields)


def _key_in_name(name: str) -> str:
    """The name of an image without latitude and longitude; "" for another kind of name."""
    fields = name.rpartition(".")[0].split("_", _FIELDS_BEFORE)
    return _key(*fields[:5], fields[-1]) if len(fields) == _FIELDS_BEFORE + 1 else ""


def _require_pictures(tree: RawTree, pictures: Mapping[str, _Picture]) -> None:
    """Raise for listed images that are missing; warn of images that no row lists."""
    missing, unlisted = set(pictures), []
    cities = {picture.city for picture in pictures.values()}
    for file in progress(tree.files(".jpg"), label="names"):
        key = _key_in_name(file.place)
        if key in pictures:
            missing.discard(key)
        elif not key or key.partition("_")[0] in cities:
            unlisted.append(file.label)
    if unlisted:
        _LOG.warning("left out %d images that no table lists:%s", len(unlisted), listed(unlisted))
    if missing:
        raise BadArchiveError(
            f"{len(missing):,} of {len(pictures):,} images that the tables list are not in {tree.folder}:"
            f"{listed(sorted(missing))}",
            hint="add the rest of Images, or set cities to those that are complete; the names above lack"
            " latitude and longitude",
        )


def _cut(pictures: Mapping[str, _Picture], settings: GsvCitiesSettings) -> dict[str, UtmGrid]:
    """Set split and role of every image, and return the grid of each city."""
    of_city: dict[str, dict[str, list[_Picture]]] = {}
    for picture in pictures.values():
        of_city.setdefault(picture.city, {}).setdefault(picture.place, []).append(picture)
    grids = {}
    for city, places in of_city.items():
        here = [picture for place in places.values() for picture in place]
        grids[city] = grid_of_places(picture.at for picture in here)
        for place in places.values():
            if len(place) > 1:
                max(place, key=_newest).role = "queries"
        drawn = sorted(places, key=lambda place: digest_bytes(f"{settings.seed} {place}".encode()))
        # At least one place of a small city, because training needs a val split.
        for name in drawn[: max(round(settings.val_share * len(drawn)), settings.val_share > 0)]:
            for picture in places[name]:
                picture.split = "val"
        _leave_out_near_val(city, here, grids[city])
    return grids


def _newest(picture: _Picture) -> tuple[str, float, str]:
    """By date; within a month by latitude, as the authors order them, and by panorama."""
    return picture.date, picture.latitude, picture.pano_id


def _leave_out_near_val(city: str, pictures: list[_Picture], grid: UtmGrid) -> None:
    """Leave out places of train that are near val, if places are nearer than published."""
    metres = grid.metres([picture.at for picture in pictures])
    is_val = np.array([picture.split == "val" for picture in pictures])
    if not is_val.any():
        return
    distances, _ = cKDTree(metres[is_val]).query(metres, distance_upper_bound=_VAL_APART)
    near = {pictures[index].place for index in np.flatnonzero((distances < np.inf) & ~is_val)}
    for picture in pictures:
        if picture.place in near:
            picture.split = ""
    if near:
        _LOG.warning("%s: left out %d places of train within %g m of one of val", city, len(near), _VAL_APART)
