"""A dataset, the type that every stage reads and writes: named images and their manifest.

    <root>/images/{train,val,test}/{database,queries}/@...@.jpg
    <root>/manifest.csv                 name,source,digest,size,width,height,time_of_day[,positions_in]

Large datasets have shards instead of `images`; see tar_shards.py. Manifest and digest are the same in both
forms. The manifest is written last, so a dataset that has one is complete. Stages read images by `read` and
`byte_range`.
"""

from __future__ import annotations

import csv
import io
import itertools
import logging
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path

from pipeline.core import files
from pipeline.datasets.image_set.image_names import position_of
from pipeline.datasets.image_set.tar_shards import INDEX, SHARDS, ByteRange, Entry, compare_shards, read_index
from pipeline.datasets.image_set.utm_grid import UtmGrid, grid_in_name, recorded_grid
from pipeline.runtime.errors import MissingInputError, NameFormatError, SetError, listed

SPLITS = ("train", "val", "test")
ROLES = ("database", "queries")
TIMES_OF_DAY = ("day", "sunset", "night")
# The unit of positions that are not metres: frames of a walk or a drive.
FRAMES = "frames"
# For unknown positions, which are all 0.
UNPLACED = "unknown"
MANIFEST = "manifest.csv"
# VPR code looks only for lower-case `.jpg`; `.png` is for lossless nights.
SUFFIXES = (".jpg", ".png")

_LOG = logging.getLogger(__name__)

_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image of a dataset.

    name: POSIX path relative to the dataset, `images/<split>/<role>/<file name>`.
    source: where it came from, such as `000.tar/000/000123_pitch1_yaw7.jpg`.
    digest: SHA-256 of the file's bytes, 64 hex digits. size: bytes. width, height: pixels, upright.
    time_of_day: one of `TIMES_OF_DAY`, "" if unknown. positions_in: the unit of its position: the UTM grid of
    its dataset, such as "utm 31N"; "" for metres of the zone in its name, or without a zone; `FRAMES`; or
    `UNPLACED`. The same for all images of a dataset.
    """

    name: str
    source: str
    digest: str
    size: int
    width: int
    height: int
    time_of_day: str = ""
    positions_in: str = ""

    @property
    def split(self) -> str:
        """One of `SPLITS`."""
        return self.name.split("/")[1]

    @property
    def role(self) -> str:
        """One of `ROLES`."""
        return self.name.split("/")[2]

    @property
    def file_name(self) -> str:
        """The name without its folders."""
        return self.name.rpartition("/")[2]

    @property
    def east(self) -> float:
        """UTM easting in metres, or what `positions_in` says."""
        return position_of(self.name)[0]

    @property
    def north(self) -> float:
        """UTM northing in metres, or what `positions_in` says."""
        return position_of(self.name)[1]

    @property
    def grid(self) -> UtmGrid | None:
        """The UTM grid of its position: of its dataset, or of the zone in its name; None without a zone."""
        return recorded_grid(self.positions_in) or grid_in_name(self.name)


_HEADER = tuple(field.name for field in fields(ImageRow))
# The header if positions are metres of the zones in the names.
_METRES_HEADER = _HEADER[:-1]


@dataclass(frozen=True)
class ImageSet:
    """A complete dataset: `rows` sorted by name, `digest` the SHA-256 of its manifest.

    index: where each image is in the shards, by name; None if each is a file.
    """

    root: Path
    rows: tuple[ImageRow, ...]
    digest: str
    index: Mapping[str, Entry] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def open(cls, root: Path) -> ImageSet:
        """Read the manifest and compare it with the folder: the same images, of the same sizes.

        Images are not read. Raises `MissingInputError` if there is no dataset, and `SetError` if the manifest
        cannot be read or the folder differs from it.
        """
        refuse_at(root)
        manifest = root / MANIFEST
        if not manifest.is_file():
            raise MissingInputError(
                f"no dataset in {root}: it has no {MANIFEST}",
                hint="the manifest is written last; run the stage that makes this dataset again",
            )
        _LOG.debug("reading %s", manifest)
        data = manifest.read_bytes()
        rows = _parse_manifest(data, manifest)
        index = read_index(root) if (root / INDEX).is_file() else None
        wrong = _compare(root, rows) if index is None else compare_shards(root, rows, index)
        if wrong:
            raise SetError(
                f"the dataset {root} differs from its {MANIFEST} in {len(wrong)} files:{listed(wrong)}",
                hint="run `dvc checkout` or `dvc pull`, or the stage that makes this dataset again",
            )
        return cls(root, rows, files.digest_bytes(data), index)

    @property
    def positions_in(self) -> str:
        """The unit of the positions of the dataset, as in `ImageRow`."""
        return self.rows[0].positions_in if self.rows else ""

    def path(self, row: ImageRow) -> Path:
        """Return the file of a row; `SetError` if the images are in shards."""
        if self.index is not None:
            raise SetError(
                f"{row.name} is not a separate file in {self.root}, whose images are in shards",
                hint="run `duskline export` to write them as files",
            )
        return self.root / row.name

    def byte_range(self, name: str) -> ByteRange:
        """Return where the bytes of the image with this name are: a whole file, or a part of a shard."""
        if self.index is None:
            return ByteRange(f"{self.root}/{name}")
        entry = self.index[name]
        return ByteRange(f"{self.root}/{SHARDS}/{entry.shard}", entry.offset, entry.size)

    def read(self, row: ImageRow) -> bytes:
        """Return the bytes of a row; `SetError` if they are missing."""
        try:
            return self.byte_range(row.name).read()
        except OSError as error:
            raise SetError(f"cannot read {row.name} of the dataset {self.root}: {error.strerror}") from error

    def where(self, split: str | None = None, role: str | None = None) -> tuple[ImageRow, ...]:
        """Return the rows of a split, of a role, or of both, sorted by name."""
        _one_of(split, (None, *SPLITS), "split")
        _one_of(role, (None, *ROLES), "role")
        return tuple(row for row in self.rows if split in (None, row.split) and role in (None, row.role))

    def counts(self) -> dict[str, int]:
        """Return the number of images of each "split/role" that has any, in the order of the splits."""
        found = Counter("/".join(row.name.split("/")[1:3]) for row in self.rows)
        keys = (f"{split}/{role}" for split in SPLITS for role in ROLES)
        return {key: found[key] for key in keys if key in found}


def check_row(row: ImageRow) -> None:
    """Raise `ValueError` or `NameFormatError` if a row breaks the rules for names or values."""
    parts = row.name.split("/")
    if len(parts) != 4 or parts[0] != "images" or parts[1] not in SPLITS or parts[2] not in ROLES:
        raise ValueError("expected images/{train,val,test}/{database,queries}/<file name>")
    if not parts[3].startswith("@") or not parts[3].endswith(SUFFIXES):
        raise ValueError(f"expected a file name that begins with '@' and ends in {' or '.join(SUFFIXES)}")
    if _CONTROL.search(row.name) or _CONTROL.search(row.source):
        raise ValueError("a name or source may not contain line ends or control characters")
    position_of(row.name)
    if row.time_of_day not in ("", *TIMES_OF_DAY):
        raise ValueError(f"time of day {row.time_of_day!r} is not one of {', '.join(TIMES_OF_DAY)}")
    if row.positions_in not in ("", FRAMES, UNPLACED) and recorded_grid(row.positions_in) is None:
        raise ValueError(
            f"positions are in {row.positions_in!r}, expected {FRAMES}, {UNPLACED}, a zone such as utm 31N,"
            " or nothing for metres of the zones in the names"
        )
    if min(row.size, row.width, row.height) < 1:
        raise ValueError(f"size {row.size}, width {row.width}, height {row.height} must be at least 1")


def counted_in(positions_in: str) -> str:
    """The unit of distances and radii: "" for metres of any grid, or `FRAMES`, or `UNPLACED`."""
    return positions_in if positions_in in (FRAMES, UNPLACED) else ""


def unit_of(positions_in: str) -> str:
    """The unit of distances, as written after a number: m, or frames."""
    return counted_in(positions_in) or "m"


def require_positions(*sets: ImageSet) -> None:
    """Raise `SetError` for datasets with unknown positions."""
    for images in sets:
        if images.positions_in == UNPLACED:
            raise SetError(
                f"the images of {images.root} have no positions, which this needs",
                hint="use another dataset, or set coordinates in its section of format; without positions you"
                " can make nights and adapt a model with them",
            )


def require_one_unit(*sets: ImageSet) -> None:
    """Raise `SetError` if positions of some of `sets` count frames and those of others are metres."""
    _require_alike({str(images.root): _in_words(counted_in(images.positions_in)) for images in sets})


def require_one_ground(*sets: ImageSet) -> None:
    """Raise `SetError` if positions of `sets` are not in one grid, which one dataset requires."""
    _require_alike({str(images.root): _in_words(images.positions_in) for images in sets})


def _require_alike(units: dict[str, str]) -> None:
    if len(set(units.values())) > 1:
        found = "; ".join(f"{root}: {unit}" for root, unit in units.items())
        raise SetError(
            f"the positions of these datasets are in different units or UTM zones: {found}",
            hint="combine or compare only datasets whose positions are in the same unit and UTM zone",
        )


def _in_words(positions_in: str) -> str:
    return positions_in or "metres"


def manifest_bytes(rows: Sequence[ImageRow]) -> bytes:
    """Return the manifest of `rows`, a CSV with a header.

    It has the column positions_in only if that is not empty. Raises `SetError` if rows differ in it.
    """
    units = {row.positions_in: row.name for row in rows}
    if len(units) > 1:
        (one, name), (other, other_name), *_ = sorted(units.items())
        raise SetError(
            f"all positions of a dataset must be in one unit and UTM zone: {name} is in {_in_words(one)}, "
            f"{other_name} in {_in_words(other)}"
        )
    header = _HEADER if any(units) else _METRES_HEADER
    stream = io.BytesIO()
    # Not a StringIO, which takes four bytes for every character.
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(map(attrgetter(*header), rows))
    text.flush()
    return stream.getvalue()


def _parse_manifest(data: bytes, manifest: Path) -> tuple[ImageRow, ...]:
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline="")
    lines = csv.reader(text, strict=True)
    try:
        header = next(lines, [])
        if tuple(header) not in (_HEADER, _METRES_HEADER):
            raise ValueError(f"its header is {','.join(header)!r}, expected {','.join(_METRES_HEADER)!r}")
        rows: list[ImageRow] = []
        for values in lines:
            if len(values) != len(header):
                raise ValueError(f"{len(values)} values instead of {len(header)}")
            name, source, digest, size, width, height, time_of_day, *unit = values
            positions_in = sys.intern(unit[0]) if unit else ""
            row = ImageRow(
                name, source, digest, int(size), int(width), int(height), time_of_day, positions_in
            )
            check_row(row)
            if rows and positions_in != rows[0].positions_in:
                kinds = map(_in_words, sorted({positions_in, rows[0].positions_in}))
                raise ValueError(f"positions of some images are in {', of others in '.join(kinds)}")
            rows.append(row)
    except (ValueError, NameFormatError, csv.Error) as error:
        where = f" (line {lines.line_num})" if lines.line_num else ""
        raise SetError(f"{manifest} is not a manifest{where}: {error}") from error
    rows.sort(key=lambda row: row.name)
    for one, next_one in itertools.pairwise(rows):
        if one.name == next_one.name:
            raise SetError(f"{manifest} names {one.name} twice")
    if not rows:
        raise SetError(f"{manifest} names no images")
    return tuple(rows)


def _compare(root: Path, rows: tuple[ImageRow, ...]) -> list[str]:
    """How the files differ from the manifest, in words; contents are not read."""
    expected = {row.name: row.size for row in rows}
    differing, unknown = {}, []
    # File by file: a second list of millions of names would double the memory.
    for name, size in _sizes(root):
        wanted = expected.pop(name, None)
        if wanted is None:
            unknown.append(f"{name} is not in the manifest")
        elif size != wanted:
            differing[name] = f"{name} has {size} bytes, not {wanted}"
    differing |= {name: f"{name} is missing" for name in expected}
    return [differing[name] for name in sorted(differing)] + sorted(unknown)


def _sizes(root: Path) -> Iterator[tuple[str, int]]:
    """Yield name and size of every file below `images`."""
    folders = ["images"]
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(root / folder)
        except FileNotFoundError:
            continue
        with entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if entry.is_dir():
                    folders.append(name)
                else:
                    yield name, entry.stat().st_size


def _one_of(value: str | None, known: tuple[str | None, ...], what: str) -> None:
    if value not in known:
        raise SetError(
            f"unknown {what} {value!r}; known are {', '.join(str(item) for item in known if item)}"
        )


def refuse_at(root: Path) -> None:
    """Raise `SetError` if the path contains `@`, at which programs split it."""
    if "@" in str(root.resolve()):
        raise SetError(
            f"the path of a dataset may not contain '@': {root.resolve()}",
            hint="programs split the whole path at '@'; move the project or use another folder",
        )
