"""Images that have the common names already: a folder, or one archive, with or without the `images` level.

For `tokyo_xs/test/{database,queries}/@...@.jpg`, `sf_xs/{train,val/...,test/...}` and datasets formatted by
other tools. Outer folders are ignored, inner ones (SF-XL sorts by latitude) flattened; bytes stay unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from pipeline.core.clutter import is_clutter
from pipeline.core.files import read_plain
from pipeline.core.image_files import is_picture_name, picture_files, unnameable
from pipeline.datasets.archives.archive_members import is_archive, member_names, members
from pipeline.datasets.formatting.build_set import NOT_COPIED, RawImage
from pipeline.datasets.formatting.readers.raw_files import RawFiles
from pipeline.datasets.image_set.image_names import position_of
from pipeline.datasets.image_set.image_set import ROLES, SPLITS, TIMES_OF_DAY
from pipeline.runtime.errors import MissingInputError, NameFormatError, SetError, listed

# Bytes are copied unchanged, and datasets have only these formats.
_COPIED = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")
COMMON_ROLES = {role: role for role in ROLES}
# Split, role, file name.
_Target = tuple[str, str, str]


@dataclass(frozen=True)
class CommonSettings:
    """How a dataset in the common layout is read, with a split without roles such as `sf_xs/train`.

    flat_role: what to do with a split that has no roles: "database" or "queries" gives all its images that
        role, "skip" leaves them out, "refuse" ends with an error. Such a split is never divided here: its
        images are one collection for training by place. Images in folders without a role are treated the
        same way.
    database_folder: name of the database folder, such as "gallery" in SVOX.
    queries_folder: name of the queries folder, such as "queries_night" in SVOX. If the name ends in _day,
        _sunset or _night, that is the time of day of the queries.
    """

    flat_role: Literal["refuse", "skip", "database", "queries"]
    database_folder: str = "database"
    queries_folder: str = "queries"

    @property
    def roles(self) -> dict[str, str]:
        """The role for each name of a folder."""
        return {self.database_folder: "database", self.queries_folder: "queries"}

    def time_of_day(self, role: str) -> str:
        """The time of day in the name of the folder of a role; "" if it has none."""
        last = self.queries_folder.rpartition("_")[2]
        return last if role == "queries" and last in TIMES_OF_DAY else ""


def read_common(raw: Path, settings: CommonSettings, held: Path) -> Iterator[RawImage]:
    """Yield the images of the folder `raw`, or of its one archive (in it, or recorded in it and in `held`).

    Images outside the splits whose names do not begin with `@` are left out (maps, previews).
    Raises, before the first image, `MissingInputError` if there are none, and `SetError` naming those whose
    names or folders are outside the convention.
    """
    archive = _archive(RawFiles.of(raw, held))
    paths = member_names(archive) if archive else picture_files(raw)
    places = _checked_places(paths, archive.name if archive else str(raw), settings)
    if archive:
        for member in members(archive, places.__contains__):
            place = places[member.name]
            yield RawImage(*place, member.label, member.read, settings.time_of_day(place[1]))
    else:
        for path, place in places.items():
            read = partial(read_plain, raw / path)
            yield RawImage(*place, path, read, settings.time_of_day(place[1]), loose=True)


def place_of(path: str, roles: Mapping[str, str] = COMMON_ROLES) -> tuple[str, str]:
    """Return (split, role) of a path such as `tokyo_xs/images/test/queries/@1@2@.jpg`; "" if it lacks one.

    The split is the innermost folder with such a name, the role that of the folder below it.
    """
    folders = path.split("/")[:-1]
    for index in range(len(folders) - 1, -1, -1):
        if folders[index] in SPLITS:
            below = folders[index + 1] if index + 1 < len(folders) else ""
            return folders[index], roles.get(below, "")
    return "", ""


def _checked_places(paths: Iterable[str], where: str, settings: CommonSettings) -> dict[str, _Target]:
    """Return split, role and file name of every image that is used, by path."""
    places: dict[str, _Target] = {}
    wrong, count = [], 0
    for path in paths:
        if not is_picture_name(path) or is_clutter(path):
            continue
        (split, role), file_name = place_of(path, settings.roles), path.rpartition("/")[2]
        if not split and not file_name.startswith("@"):
            continue
        count += 1
        if reason := unnameable(path):
            wrong.append(reason)
        elif reason := _fault(split, role, file_name, settings):
            wrong.append(f"{path} ({reason})")
        elif role or settings.flat_role in ROLES:
            places[path] = (split, role or settings.flat_role, _with_common_suffix(file_name))
    if wrong:
        raise SetError(
            f"{len(wrong)} of {count} images in {where} are not in the common layout:{listed(wrong)}"
        )
    if not places:
        raise MissingInputError(
            f"no images named @easting@northing@... in the splits {', '.join(SPLITS)} of {where}",
            hint="for plain photographs use form: folder",
        )
    return places


def _fault(split: str, role: str, file_name: str, settings: CommonSettings) -> str:
    if not split:
        return "not in a folder train, val or test"
    if not role and settings.flat_role == "refuse":
        return "in a split without database and queries; set flat_role for it"
    if not file_name.startswith("@"):
        return "the name does not begin with '@'"
    if not file_name.lower().endswith(_COPIED):
        return NOT_COPIED
    try:
        position_of(file_name)
    except NameFormatError as error:
        return error.message
    return ""


def _with_common_suffix(file_name: str) -> str:
    """`.JPG`, `.jpeg` and the like become `.jpg`, the only suffix that VPR code looks for."""
    stem, _, suffix = file_name.rpartition(".")
    return f"{stem}.png" if suffix.lower() == "png" else f"{stem}.jpg"


def _archive(raw: RawFiles) -> Path | None:
    archives = [path for path in raw.files.values() if is_archive(path)]
    if len(archives) > 1:
        raise SetError(
            f"expected one archive in the common layout, found {len(archives)} in {raw.folder}:"
            f"{listed(path.name for path in archives)}",
            hint="keep only the one that you want",
        )
    return archives[0] if archives else None
