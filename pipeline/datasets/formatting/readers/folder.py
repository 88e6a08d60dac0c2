"""A plain folder of photographs in the common layout: the split and the role of each photograph.

A CSV of coordinates has the columns path (relative to the folder), latitude, longitude (WGS 84 degrees), and
optionally split, role, date (or timestamp), heading (degrees clockwise from north) and time_of_day.
`pipeline.datasets.listings.tables` says how such a CSV may be written.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

import numpy as np

from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.datasets.formatting.build_set import RawImage, Recode
from pipeline.datasets.formatting.geographic_split import queries_by_date, queries_by_share, split_by_blocks
from pipeline.datasets.formatting.readers.folder_listing import (
    EXIF,
    NONE,
    Photograph,
    list_photographs,
    refuse,
)
from pipeline.datasets.image_set.image_names import Details, name_at, name_nowhere
from pipeline.datasets.image_set.image_set import ROLES, SPLITS, UNPLACED
from pipeline.datasets.image_set.utm_grid import UtmGrid, grid_of_places, own_grid
from pipeline.runtime.errors import UserError, listed
from pipeline.runtime.ranges import Factor, JpegQuality, Metres, Range, Seed, require_range, require_ranges

_LOG = logging.getLogger(__name__)

# Degrees of latitude, 2,000 km: wider than the zones of a dataset, and than any survey on the ground.
_MOST_TO_NORTH = 18.0

# Leaves room for the other fields in a file name of 255 bytes.
_LONGEST_PANO_ID = 120
_DIGEST_LETTERS = 8


# Fields that have no default where they are used.
_NEEDED = ("block_metres", "gap_metres", "query_share", "seed")


@dataclass(frozen=True)
class FolderSettings:
    """How a folder of photographs becomes a dataset; leave out the fields of choices that you do not use.

    coordinates: "exif", the name of a CSV in the folder, or "none" if the positions of the photographs are
        unknown. Without positions, night images can still be made, and a model can be adapted with them.
    split_by: "folder" (a folder train, val or test in the path; without any, everything is test), "column"
        (split in the CSV) or "blocks" (random geographic blocks with side `block_metres`, at least
        `gap_metres` apart, divided by `train_share`, `val_share`, `test_share`, from `seed`).
    queries_by: "folder" (a folder database or queries in the path), "column" (role in the CSV), "date" (the
        newest `query_share` of each split), "share" (a random `query_share` of the places of each split, from
        `seed`) or "none" (everything is database).
    jpeg_quality: JPEG quality of photographs that must be encoded again; upright baseline JPEGs are copied
        unchanged.
    train_share: share of the blocks for train, relative to the other two; at least one of the three must be
        above 0.
    val_share: share of the blocks for val, relative to the other two.
    test_share: share of the blocks for test, relative to the other two.
    block_metres: side of a block.
    gap_metres: smallest distance between photographs of two splits; closer photographs are left out.
    query_share: share of the photographs ("date") or of the places ("share") of each split that become
        queries.
    seed: random seed of the blocks and of the drawn places.
    """

    coordinates: str
    split_by: Literal["folder", "column", "blocks"]
    queries_by: Literal["folder", "column", "date", "share", "none"]
    jpeg_quality: JpegQuality
    train_share: Factor = 0.0
    val_share: Factor = 0.0
    test_share: Factor = 0.0
    block_metres: Metres = 0.0
    gap_metres: Annotated[float, Range("metres", least=50)] = 0.0
    query_share: Annotated[float, Range(above=0, below=1)] = 0.0
    seed: Seed = -1

    def __post_init__(self) -> None:
        if self.coordinates in (EXIF, NONE) and "column" in (self.split_by, self.queries_by):
            raise ValueError("split_by and queries_by can be column only with coordinates in a CSV")
        if self.coordinates == NONE and (self.split_by == "blocks" or self.queries_by == "share"):
            raise ValueError("split_by blocks and queries_by share need positions, but coordinates is none")
        table = PurePosixPath(self.coordinates)
        if table.is_absolute() or ".." in table.parts:
            raise ValueError(
                f"coordinates: {self.coordinates} is not in the folder of photographs; copy it there, because"
                " DVC notices edits only there"
            )
        require_ranges(self)
        if self.split_by == "blocks" and not any(self.shares.values()):
            raise ValueError("train_share, val_share and test_share must be 0 or more, one of them above 0")
        for name in self._used:
            if name in _NEEDED and getattr(self, name) == getattr(FolderSettings, name):
                raise ValueError(
                    f"{name} is missing or {getattr(self, name):g}:"
                    f" split_by {self.split_by} and queries_by {self.queries_by} need it"
                )
            require_range(self, name)
        for name in (
            "train_share",
            "val_share",
            "test_share",
            "block_metres",
            "gap_metres",
            "query_share",
            "seed",
        ):
            if name not in self._used and getattr(self, name) != getattr(FolderSettings, name):
                raise ValueError(
                    f"{name} is not used with split_by {self.split_by} and queries_by {self.queries_by}"
                )

    @property
    def _used(self) -> list[str]:
        """The fields that the choices of `split_by` and `queries_by` need."""
        used = []
        if self.split_by == "blocks":
            used += ["train_share", "val_share", "test_share", "block_metres", "gap_metres"]
        if self.queries_by in ("date", "share"):
            used.append("query_share")
        if self.split_by == "blocks" or self.queries_by == "share":
            used.append("seed")
        return used

    @property
    def shares(self) -> dict[str, float]:
        """The share of each split."""
        return {"train": self.train_share, "val": self.val_share, "test": self.test_share}


@dataclass(frozen=True)
class FolderPlan:
    """Photographs with split and role, by path, and the paths of those that the blocks leave out.

    Left out are photographs that are closer than the gap to one of another split. grid: that of the whole
    dataset, which is the grid of most of the photographs; None if positions are unknown.
    """

    photographs: tuple[Photograph, ...]
    left_out: tuple[str, ...]
    grid: UtmGrid | None


def read_folder(raw: Path, settings: FolderSettings, _held: Path) -> Iterator[RawImage]:
    """Yield the photographs of the folder `raw`; errors as `plan_folder`, before the first image.

    A warning says how many photographs the blocks leave out. The folder of archives is not used.
    """
    plan = plan_folder(raw, settings)
    if plan.left_out:
        _LOG.warning(
            "%s: left out %d of %d photographs, closer than %g m to another split, first %s",
            raw,
            len(plan.left_out),
            len(plan.left_out) + len(plan.photographs),
            settings.gap_metres,
            plan.left_out[0],
        )
    names = _names(plan)
    for photograph in plan.photographs:
        lies_in = own_grid(photograph.place) if plan.grid else None
        yield RawImage(
            split=photograph.split,
            role=photograph.role,
            file_name=names[photograph.path],
            source=photograph.path,
            read=(raw / photograph.path).read_bytes,
            time_of_day=photograph.time_of_day,
            recode=None if photograph.plain else Recode(settings.jpeg_quality),
            positions_in=plan.grid.recorded if plan.grid else UNPLACED,
            brought_from="" if lies_in == plan.grid else str(lies_in),
            loose=True,
        )


def plan_folder(raw: Path, settings: FolderSettings) -> FolderPlan:
    """Decide split and role of every photograph; only headers are read.

    Raises `MissingInputError` for a missing folder or CSV, and `UserError` that names every photograph
    without coordinates, split, role or date, as far as they are needed, or the outermost photographs if they
    are too far apart for one grid.
    """
    found = list_photographs(raw, settings.coordinates)
    grid = None if settings.coordinates == NONE else _one_grid(raw, found)
    placed = _with_splits(raw, found, settings)
    kept = [photograph for photograph in placed if photograph.split]
    left_out = tuple(photograph.path for photograph in placed if not photograph.split)
    return FolderPlan(tuple(_with_roles(raw, kept, settings)), left_out, grid)


def _one_grid(raw: Path, photographs: list[Photograph]) -> UtmGrid:
    """The grid for all photographs; if they are too far apart, `UserError` names the two outermost."""
    places = [photograph.place for photograph in photographs]
    grid = grid_of_places(places)
    beyond = int(grid.beyond(places).sum())
    if beyond:
        what = (
            f"the photographs of {raw} span too many UTM zones for one dataset: most are in {grid}, but "
            f"{beyond} so far away that distances would be wrong by more than 0.5 %; the westernmost and the "
            "easternmost:"
        )
        raise _too_wide(what, photographs, grid.degrees_east(places))
    latitudes = np.array(places)[:, 0]
    if np.ptp(latitudes) > _MOST_TO_NORTH:
        what = (
            f"the photographs of {raw} span more than 2,000 km from south to north; the southernmost and the "
            "northernmost:"
        )
        raise _too_wide(what, photographs, latitudes)
    return grid


def _too_wide(what: str, photographs: list[Photograph], along: np.ndarray) -> UserError:
    """The error `what` that names the photographs with the smallest and the largest `along` (N,)."""
    order = along.argsort(kind="stable")
    ends = [photographs[index] for index in (order[0], order[-1])]
    return UserError(
        what + listed(f"{end.path} at {end.latitude:.5f}, {end.longitude:.5f}" for end in ends),
        hint="check the coordinates of these two; if they are right, make one dataset for each region",
    )


def _with_splits(raw: Path, photographs: list[Photograph], settings: FolderSettings) -> list[Photograph]:
    if settings.split_by == "blocks":
        splits = split_by_blocks(
            [photograph.place for photograph in photographs],
            settings.shares,
            seed=settings.seed,
            block_metres=settings.block_metres,
            gap_metres=settings.gap_metres,
        )
    elif settings.split_by == "column":
        splits = [photograph.split for photograph in photographs]
        _require(raw, photographs, splits, "has no split in the CSV", "fill the column split")
    else:
        splits = [_folder_of(photograph.path, SPLITS) for photograph in photographs]
        if not any(splits):
            splits = ["test"] * len(splits)
        _require(
            raw,
            photographs,
            splits,
            "is not in a folder train, val or test, but others are",
            "move it into one of them, or choose another split_by",
        )
    return [replace(photograph, split=split) for photograph, split in zip(photographs, splits, strict=True)]


def _with_roles(raw: Path, photographs: list[Photograph], settings: FolderSettings) -> list[Photograph]:
    if settings.queries_by == "none":
        roles = ["database"] * len(photographs)
    elif settings.queries_by == "folder":
        roles = [_folder_of(photograph.path, ROLES) for photograph in photographs]
        hint = "move it into one of them, or choose another queries_by"
        _require(raw, photographs, roles, "is not in a folder database or queries", hint)
    elif settings.queries_by == "column":
        roles = [photograph.role for photograph in photographs]
        _require(raw, photographs, roles, "has no role in the CSV", "fill the column role")
    else:
        roles = _drawn_roles(raw, photographs, settings)
    return [replace(photograph, role=role) for photograph, role in zip(photographs, roles, strict=True)]


def _drawn_roles(raw: Path, photographs: list[Photograph], settings: FolderSettings) -> list[str]:
    """Draw queries for each split, by date or by share; a split without queries or database is an error."""
    dates = [photograph.date for photograph in photographs]
    if settings.queries_by == "date":
        known = [date if len(date) >= len("YYYYMMDD") else "" for date in dates]
        hint = "fill the column date, or choose another queries_by"
        _require(raw, photographs, known, "has no date (year, month and day)", hint)
    role_of: dict[str, str] = {}
    for split in SPLITS:
        here = [photograph for photograph in photographs if photograph.split == split]
        if settings.queries_by == "date":
            queries = queries_by_date([photograph.date for photograph in here], settings.query_share)
        else:
            queries = queries_by_share(
                [photograph.place for photograph in here], settings.query_share, settings.seed
            )
        if here and len(set(queries)) < 2:
            raise UserError(
                f"the {len(here)} photographs of {split} in {raw} cannot be divided by "
                f"{settings.queries_by}: all are from one "
                f"{'day' if settings.queries_by == 'date' else 'place'}",
                hint="choose another queries_by, or larger blocks",
            )
        for photograph, is_query in zip(here, queries, strict=True):
            role_of[photograph.path] = "queries" if is_query else "database"
    return [role_of[photograph.path] for photograph in photographs]


def _require(raw: Path, photographs: list[Photograph], values: list[str], what: str, hint: str) -> None:
    lacking = [
        f"{photograph.path}: {what}"
        for photograph, value in zip(photographs, values, strict=True)
        if not value
    ]
    refuse(raw, lacking, hint=hint)


def _folder_of(path: str, known: tuple[str, ...]) -> str:
    """The outermost folder of the path that is one of `known`, or ""."""
    return next((part for part in PurePosixPath(path).parts[:-1] if part in known), "")


def _names(plan: FolderPlan) -> dict[str, str]:
    """A common name for each path: the stem of the file is its pano_id, made unique if necessary."""
    names: dict[str, str] = {}
    taken: set[tuple[str, str, str]] = set()
    # Sorted by path, so that a name depends on the folder's content, not on the order of listing.
    for photograph in sorted(plan.photographs, key=lambda photograph: photograph.path):
        stem = _safe(PurePosixPath(photograph.path).stem)
        short = stem.encode()[:_LONGEST_PANO_ID].decode(errors="ignore")
        name = _name(photograph, short, plan.grid)
        if (photograph.split, photograph.role, name) in taken or short != stem:
            digest = hashlib.sha256(photograph.path.encode("utf-8")).hexdigest()[:_DIGEST_LETTERS]
            name = _name(photograph, f"{short}-{digest}", plan.grid)
        taken.add((photograph.split, photograph.role, name))
        names[photograph.path] = name
    return names


def _safe(stem: str) -> str:
    """The stem without what would break a name, or look like the name of a published image (`1.jpg`)."""
    while stem.lower().endswith(PICTURE_SUFFIXES):
        stem = PurePosixPath(stem).stem
    return stem.replace("@", "_").replace("\\", "_")


def _name(photograph: Photograph, pano_id: str, grid: UtmGrid | None) -> str:
    details = Details(pano_id=pano_id, heading=photograph.heading, timestamp=photograph.date)
    if grid is None:
        return name_nowhere(details).encode()
    return name_at(photograph.latitude, photograph.longitude, details, grid).encode()
