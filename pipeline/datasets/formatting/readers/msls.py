"""Mapillary Street-Level Sequences: 30 cities, `query` and `database` each, by day and by night.

`train_val/<city>/{query,database}/` and `test/...` have `raw.csv`, `postprocessed.csv`, `images/<key>.jpg`;
each archive has a part of this tree. Names are those of the common formatter.
F. Warburg et al., "Mapillary Street-Level Sequences: A Dataset for Lifelong Place Recognition", CVPR 2020.
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from sys import intern
from typing import Literal

import numpy as np

from pipeline.core.files import require_file
from pipeline.datasets.formatting.build_set import RawImage
from pipeline.datasets.formatting.photo_metadata import date_in_name
from pipeline.datasets.formatting.readers.raw_tree import RawFile, RawTree, text_rows
from pipeline.datasets.image_set.image_names import Details, name_at
from pipeline.datasets.image_set.utm_grid import LatLon, UtmGrid, grid_of_places, own_grid
from pipeline.runtime.errors import (
    BadArchiveError,
    MissingInputError,
    NameFormatError,
    UserError,
    listed,
)
from pipeline.runtime.progress import progress

_LOG = logging.getLogger(__name__)

_OF_SPLIT = {
    "train": (
        *("trondheim", "london", "boston", "melbourne", "amsterdam", "helsinki", "tokyo", "toronto"),
        *("saopaulo", "moscow", "zurich", "paris", "bangkok", "budapest", "austin", "berlin", "ottawa"),
        *("phoenix", "goa", "amman", "nairobi", "manila"),
    ),
    "val": ("cph", "sf"),
    "test": ("miami", "athens", "buenosaires", "stockholm", "bengaluru", "kampala"),
}
SPLIT_OF = {city: split for split, cities in _OF_SPLIT.items() for city in cities}
_ROLES = {"query": "queries", "database": "database"}
# Published as empty files; left out with a warning if they are still empty.
_EMPTY = {"_Bkgic7JtCaaMGrgw6kukQ", "yOCOTojshHsfJd0g5B7jPP", "Ek08yvVCR1tXrD4ZSx59CA"}

_RAW, _POSTPROCESSED = "raw.csv", "postprocessed.csv"
_RAW_COLUMNS = ("key", "lon", "lat", "captured_at", "pano")
_POSTPROCESSED_COLUMNS = ("key", "easting", "northing", "night", "view_direction")
_IN_TREE = re.compile(
    r"(?:.*/)?(?:train_val|test)/([^/]+/(?:query|database)/(?:[^/]+\.csv|images/[^/]+\.(?:jpg|JPG)))"
)
_VIEWS = ("Forward", "Backward", "Sideways")
_TRUTHS = {"True": True, "False": False}
_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
# Metres. The tables are far more exact than the first, and lack the second in the south.
_ALIKE, _SOUTH = 1.0, 10_000_000.0


@dataclass(frozen=True)
class MslsSettings:
    """How MSLS becomes a dataset; the cities go to train, val and test as published.

    cities: the cities to use, such as [cph, sf]; null for all that exist.
    val_queries: a file in the raw folder that lists the queries of val: keys, paths or names of images, one
        per line or in an array (.npy); null for all of them.
    val_as: the split that the val cities become: "test" to test on them, as papers do.
    """

    cities: tuple[str, ...] | None
    val_queries: str | None
    val_as: Literal["val", "test"]

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.cities or ()) - SPLIT_OF.keys()):
            raise ValueError(f"cities: unknown {', '.join(unknown)}; known are {', '.join(SPLIT_OF)}")
        listing = PurePosixPath(self.val_queries or "")
        if listing.is_absolute() or ".." in listing.parts:
            raise ValueError(
                f"val_queries: {listing} is not in the raw folder; copy it there, because DVC notices edits"
                " only there"
            )

    def split_of(self, city: str) -> str:
        """The split of a city."""
        split = SPLIT_OF[city]
        return self.val_as if split == "val" else split


@dataclass(slots=True)
class _Picture:
    """An image with its values in both tables. east, north: as in postprocessed.csv."""

    city: str
    role: str
    latitude: float
    longitude: float
    date: str
    night: bool
    view: str
    east: float
    north: float

    @property
    def at(self) -> LatLon:
        """Latitude and longitude in degrees."""
        return self.latitude, self.longitude

    def name(self, key: str, grid: UtmGrid | None = None) -> str:
        """The common name."""
        note = f"{'night' if self.night else 'day'}_{self.view.lower()}_{self.city}"
        return name_at(*self.at, Details(key, timestamp=self.date, note=note), grid).encode()


def read_msls(raw: Path, settings: MslsSettings, held: Path) -> Iterator[RawImage]:
    """Yield the images that are not panoramas, in their order in the raw folder.

    held: the user's folder of archives, if `raw` only records them.
    Raises, before the first image, `MissingInputError` if needed tables or the list of queries are missing,
    `BadArchiveError` for tables that do not match and for listed images that are missing, and `UserError`
    naming rows that cannot be used and cities that are not in MSLS.
    """
    tree = RawTree.of(raw, held, place_in_tree)
    pictures = _listed(tree, settings)
    if settings.val_queries is not None:
        _keep_listed_queries(pictures, raw / settings.val_queries)
    _require_pictures(tree, pictures)
    grids = _grids(pictures)
    empty = []
    for file in tree.files(".jpg"):
        # Popped, because a second copy elsewhere in the tree would get the same name.
        key = _key_of(file)
        picture = pictures.pop(_full(file.place.split("/")[:2], key), None)
        if picture is None:
            continue
        if key in _EMPTY and not file.size:
            empty.append(file.label)
            continue
        grid, lies_in = grids[picture.city], own_grid(picture.at)
        yield RawImage(
            split=settings.split_of(picture.city),
            role=picture.role,
            file_name=picture.name(key, grid),
            source=file.label,
            read=file.read,
            time_of_day="night" if picture.night else "day",
            brought_from="" if lies_in == grid else str(lies_in),
            city=picture.city,
            loose=file.loose,
        )
    if empty:
        _LOG.warning(
            "left out %d images that were published empty; msls_patch_v1.1.zip may have them:%s",
            len(empty),
            listed(empty),
        )


def place_in_tree(path: str) -> str:
    """The part after `train_val/` or `test/` of a path in the published tree; "" for other files."""
    found = _IN_TREE.fullmatch(path)
    return found[1] if found else ""


def _listed(tree: RawTree, settings: MslsSettings) -> dict[str, _Picture]:
    """The images that are not panoramas, by `<city>/<query or database>/<key>`."""
    tables: dict[str, dict[str, RawFile]] = {}
    folders = set()
    for file in tree.files(".csv"):
        folder, _, name = file.place.rpartition("/")
        folders.add(folder)
        if settings.cities is None or folder.partition("/")[0] in settings.cities:
            tables.setdefault(folder, {})[name.lower()] = file
    _require_tables(tree, settings, folders, tables)
    pictures: dict[str, _Picture] = {}
    wrong: list[str] = []
    for folder, of_folder in progress(sorted(tables.items()), label="tables"):
        pictures |= _joined(folder, of_folder[_RAW], of_folder[_POSTPROCESSED], wrong)
    if wrong:
        raise UserError(
            f"{len(wrong):,} rows of the tables of {tree.folder} cannot be used:{listed(wrong)}",
            hint="download msls_metadata.zip again, and do not edit it",
        )
    return pictures


def _require_tables(
    tree: RawTree, settings: MslsSettings, folders: set[str], tables: dict[str, dict[str, RawFile]]
) -> None:
    """Raise for unknown cities and for wanted ones without tables; remove folders without positions."""
    unknown = sorted({folder.partition("/")[0] for folder in tables} - SPLIT_OF.keys())
    if unknown:
        raise UserError(
            f"{tree.folder} has cities that are not in MSLS: {', '.join(unknown)}",
            hint=f"remove them, or set cities to those to use; known are {', '.join(SPLIT_OF)}",
        )
    without = [folder for folder, found in tables.items() if not {_RAW, _POSTPROCESSED} <= found.keys()]
    for folder in without:
        del tables[folder]
    cities = {folder.partition("/")[0] for folder in tables}
    missing = sorted(set(settings.cities or ()) - cities)
    if missing or not tables:
        whose = f" of {', '.join(missing)}" if missing else ""
        there = ", ".join(sorted({folder.partition("/")[0] for folder in folders})) or "none"
        raise MissingInputError(
            f"no tables {_RAW} and {_POSTPROCESSED}{whose} in {tree.folder}, neither as files nor in "
            "archives",
            hint=f"copy msls_metadata.zip there, for test cities also labels; cities found: {there}",
        )
    if without:
        _LOG.warning(
            "left out %d folders without %s and %s (test cities were first published without labels):%s",
            len(without),
            _RAW,
            _POSTPROCESSED,
            listed(sorted(without)),
        )


def _joined(folder: str, raw: RawFile, postprocessed: RawFile, wrong: list[str]) -> dict[str, _Picture]:
    """The images of a folder, from its two tables joined by key; bad rows are added to `wrong`."""
    processed: dict[str, tuple[str, ...]] = {}
    twice, lacking = [], []
    for row in text_rows(postprocessed, _POSTPROCESSED_COLUMNS):
        twice += [row[0]] if row[0] in processed else []
        processed[row[0]] = row[1:]
    pictures, seen = {}, set()
    city, _, role = folder.partition("/")
    for key, longitude, latitude, captured_at, pano in text_rows(raw, _RAW_COLUMNS):
        twice += [key] if key in seen else []
        seen.add(key)
        if key not in processed:
            lacking.append(key)
            continue
        east, north, night, view = processed[key]
        try:
            if not _truth("pano", pano):
                if view not in _VIEWS:
                    raise ValueError(f"view_direction {view!r} is not one of {', '.join(_VIEWS)}")
                picture = _Picture(
                    city=intern(city),
                    role=_ROLES[role],
                    latitude=float(latitude),
                    longitude=float(longitude),
                    date=intern(date_in_name(captured_at)),
                    night=_truth("night", night),
                    view=intern(view),
                    east=float(east),
                    north=float(north),
                )
                # Raises for what cannot be named, before an image is read.
                picture.name(key)
                pictures[_full([city, role], key)] = picture
        except (ValueError, NameFormatError) as error:
            wrong.append(f"{raw.label}, {key}: {error.args[0]}")
    lacking += sorted(processed.keys() - seen)
    if twice or lacking:
        what = f"{len(twice)} keys twice" if twice else f"{len(lacking)} keys in only one of them"
        raise BadArchiveError(
            f"{raw.label} and {postprocessed.label} do not match: {what}:{listed(twice or lacking)}",
            hint="both must be from one download: download msls_metadata.zip again",
        )
    return pictures


def _truth(column: str, text: str) -> bool:
    if text not in _TRUTHS:
        raise ValueError(f"{column} {text!r} is neither True nor False")
    return _TRUTHS[text]


def _full(folder: list[str], key: str) -> str:
    return "/".join((*folder, key))


def _key_of(file: RawFile) -> str:
    return file.place.rpartition("/")[2].rpartition(".")[0]


def _keep_listed_queries(pictures: dict[str, _Picture], listing: Path) -> None:
    """Remove the queries of val that the file `listing` does not list."""
    wanted = listed_keys(require_file(listing, hint="set val_queries to a file in the raw folder, or null"))
    known = {
        full.rpartition("/")[2]: full
        for full, picture in pictures.items()
        if SPLIT_OF[picture.city] == "val" and picture.role == "queries"
    }
    if missing := sorted(wanted - known.keys()):
        raise UserError(
            f"{len(missing)} of {len(wanted)} keys in {listing} are not keys of a query of val, or are those "
            f"of a panorama:{listed(missing)}",
            hint="the list belongs to another dataset, or cities leaves out cph or sf",
        )
    for key in known.keys() - wanted:
        del pictures[known[key]]


def listed_keys(listing: Path) -> set[str]:
    """The keys in a list of images: alone, as files `<key>.jpg`, or as the pano_id of common names.

    An array (.npy) must be of texts; arrays of Python objects are not loaded, because that could run code.
    Raises `UserError` for these, and for entries without a key.
    """
    try:
        if listing.suffix == ".npy":
            entries = np.load(io.BytesIO(listing.read_bytes())).ravel().astype(str).tolist()
        else:
            entries = listing.read_text(encoding="utf-8-sig").splitlines()
    except ValueError as error:
        raise UserError(
            f"{listing} is not a list of images: {error}", hint="write the keys into a text, one per line"
        ) from error
    found = {entry.strip(): _key_in(entry.strip()) for entry in entries if entry.strip()}
    if without := [entry for entry, key in found.items() if not key]:
        raise UserError(
            f"{len(without)} of {len(found)} entries of {listing} contain no key of MSLS:{listed(without)}",
            hint="write on each line a key (22 letters, digits, - and _), <key>.jpg with or without its"
            " folders, or a common name",
        )
    return set(found.values())


def _key_in(entry: str) -> str:
    name = entry.rpartition("/")[2]
    fields = name.split("@")
    text = fields[7] if len(fields) > 7 else name.removesuffix(".jpg")
    return text if _KEY.fullmatch(text) else ""


def _require_pictures(tree: RawTree, pictures: Mapping[str, _Picture]) -> None:
    missing = set(pictures)
    for file in progress(tree.files(".jpg"), label="names"):
        missing.discard(_full(file.place.split("/")[:2], _key_of(file)))
    if missing:
        counts = Counter(full.rpartition("/")[0] for full in missing)
        of_all = Counter(full.rpartition("/")[0] for full in pictures)
        raise BadArchiveError(
            f"{len(missing):,} of {len(pictures):,} images that the tables list are not in {tree.folder}:"
            + listed(
                f"{folder}: {count:,} of {of_all[folder]:,}, first"
                f" {min(full for full in missing if full.startswith(f'{folder}/')).rpartition('/')[2]}"
                for folder, count in sorted(counts.items())
            ),
            hint="a city is in several of msls_images_vol_1.zip to msls_images_vol_6.zip: download them, or"
            " set cities to those that are complete",
        )


def _grids(pictures: Mapping[str, _Picture]) -> dict[str, UtmGrid]:
    """The grid of each city; warns if easting and northing of the tables are another place."""
    of_city: dict[str, list[str]] = {}
    for full, picture in pictures.items():
        of_city.setdefault(picture.city, []).append(full)
    grids, other = {}, []
    for city, here in of_city.items():
        places = [pictures[full].at for full in here]
        grids[city] = grid_of_places(places)
        told = np.array([(pictures[full].east, pictures[full].north) for full in here])
        # The authors may have used the zone of each image.
        near = np.zeros(len(here), bool)
        for grid in {own_grid(place) for place in places} | {grids[city]}:
            metres = grid.metres(places) - (0 if grid.northern else (0, _SOUTH))
            near |= np.abs(metres - told).max(axis=1) <= _ALIKE
        other += [here[index] for index in np.flatnonzero(~near)]
    if other:
        _LOG.warning(
            "easting and northing of %d of %d images are more than %g m from their latitude and longitude,"
            " which are used:%s",
            len(other),
            len(pictures),
            _ALIKE,
            listed(other),
        )
    return grids
