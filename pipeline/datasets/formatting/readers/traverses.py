"""Walks and drives, a folder each, whose frame numbers agree: the same number is the same place.

Gardens Point Walking (`day_left/Image000.jpg`), Nordland (a folder a season) and others keep to that. Nobody
measured where frames were taken, so positions count frames along a line: a radius of 3 means 3 frames.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pipeline.core.files import require_folder
from pipeline.core.image_files import picture_files, unnameable
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import RawImage, Recode
from pipeline.datasets.formatting.photo_metadata import read_header
from pipeline.datasets.image_set.image_names import ImageName, format_coordinate
from pipeline.datasets.image_set.image_set import FRAMES
from pipeline.runtime.errors import (
    BadImageError,
    MissingInputError,
    ParameterError,
    UserError,
    listed,
)
from pipeline.runtime.progress import progress
from pipeline.runtime.ranges import Count, JpegQuality, require_ranges

_NUMBER = re.compile(r"(\d+)\D*$", re.ASCII)
# Runs of missing numbers, and files, that are named before the others are counted.
_SHOWN = 200
_DIGITS = 5


@dataclass(frozen=True)
class Traverse:
    """One walk or drive.

    role: what its pictures are.
    time_of_day: when it was made; "" when that is not known.
    """

    role: Literal["database", "queries"]
    time_of_day: Literal["day", "sunset", "night", ""]


@dataclass(frozen=True)
class TraversesSettings:
    """Walks or drives whose frame numbers agree, as a set whose positions count frames.

    traverses: a section with an entry for each folder below `raw`, by its name: `role`, database or queries,
        and `time_of_day`, day, sunset, night or "" for unknown. Other folders are left out.
    split: where all of it goes.
    frame_step: every so-many-th frame is kept, from the first one on; 1 keeps all.
    jpeg_quality: JPEG quality of pictures that must be coded anew; upright baseline JPEGs are copied
        unchanged.
    """

    traverses: dict[str, Any]
    split: Literal["train", "val", "test"]
    frame_step: Count
    jpeg_quality: JpegQuality

    def __post_init__(self) -> None:
        require_ranges(self)
        for folder in self.traverses:
            path = PurePosixPath(str(folder))
            if path.is_absolute() or ".." in path.parts or path.as_posix() in ("", "."):
                raise ValueError(f"traverses: {str(folder)!r} is no folder below raw")
            if "@" in str(folder) or unnameable(str(folder)):
                raise ValueError(
                    f"traverses: the folder {str(folder)!r} may not hold '@' or control characters"
                )
        inner = [
            f"{one} in {other}"
            for one, other in itertools.permutations(map(str, self.traverses), 2)
            if PurePosixPath(one).is_relative_to(other)
        ]
        if inner:
            raise ValueError(f"traverses: one folder may not lie in another: {', '.join(inner)}")
        roles = {traverse.role for traverse in self.by_folder.values()}
        for role in ("database", "queries"):
            if role not in roles:
                raise ValueError(f"traverses: no folder has the role {role}; at least one must")

    @property
    def by_folder(self) -> dict[str, Traverse]:
        """The traverses by their folders; `ValueError` for one that is not well described."""
        entries: dict[str, Traverse] = {}
        for folder, values in self.traverses.items():
            where = f"traverses.{folder}"
            if not isinstance(values, Mapping):
                raise ValueError(f"{where} must be a section with role and time_of_day, not {values!r}")
            try:
                entries[str(folder)] = build(Traverse, values, where)
            except ParameterError as error:
                raise ValueError(error.message) from error
        return entries


def read_traverses(raw: Path, settings: TraversesSettings, _held: Path) -> Iterator[RawImage]:
    """Yield the kept frames of each traverse in the order of their numbers; errors as `kept_frames`.

    There are no archives, so their folder does not matter. `UserError`, before the first image, names
    pictures whose heads cannot be read.
    """
    kept = kept_frames(raw, settings)
    first = min(min(numbers) for numbers in kept.values())
    plain = _plain(raw, [path for numbers in kept.values() for path in numbers.values()])
    for folder, numbers in kept.items():
        traverse = settings.by_folder[folder]
        for number, path in numbers.items():
            yield RawImage(
                split=settings.split,
                role=traverse.role,
                file_name=_name(folder, number, number - first),
                source=path,
                read=(raw / path).read_bytes,
                time_of_day=traverse.time_of_day,
                recode=None if plain[path] else Recode(settings.jpeg_quality),
                positions_in=FRAMES,
                loose=True,
            )


def kept_frames(raw: Path, settings: TraversesSettings) -> dict[str, dict[int, str]]:
    """The kept pictures of each traverse by frame number, ascending; all traverses have the same numbers.

    Paths are relative to `raw`. Raises `MissingInputError` for a missing folder or one without pictures, and
    `UserError` that names files without a number, files of one number, numbers missing in between, and
    numbers that only some traverses have.
    """
    require_folder(raw)
    missing = [folder for folder in settings.by_folder if not (raw / folder).is_dir()]
    if missing:
        found = ", ".join(sorted(path.name for path in raw.iterdir() if path.is_dir())) or "none"
        wanted = f"{len(missing)} of {len(settings.by_folder)} traverses"
        raise MissingInputError(
            f"{wanted} have no folder in {raw}:{listed(missing)}",
            hint=f"folders there: {found}; mend traverses in the section, or bring the folder",
        )
    frames = {folder: _numbered(raw, folder) for folder in settings.by_folder}
    for folder, numbers in frames.items():
        _require_no_gaps(raw / folder, numbers)
    _require_equal(raw, frames)
    return {
        folder: dict(itertools.islice(numbers.items(), 0, None, settings.frame_step))
        for folder, numbers in frames.items()
    }


def number_of(path: str) -> int | None:
    """The frame number of a file: the last run of digits in its name without suffix; None without any."""
    found = _NUMBER.search(PurePosixPath(path).stem)
    return int(found[1]) if found else None


def _numbered(raw: Path, folder: str) -> dict[int, str]:
    names = picture_files(raw / folder)
    if not names:
        raise MissingInputError(
            f"no pictures in {raw / folder}: no {', '.join(PICTURE_SUFFIXES)} files",
            hint="bring the frames of this traverse, or take it out of traverses in the section",
        )
    without = [name for name in names if number_of(name) is None]
    if without:
        raise UserError(
            f"{len(without)} pictures of {raw / folder} have no frame number in their name:{listed(without)}",
            hint="the number is the last run of digits before the suffix; rename these or take them away",
        )
    by_number: dict[int, list[str]] = {}
    for name in names:
        by_number.setdefault(number_of(name) or 0, []).append(name)
    twice = [f"{number}: {', '.join(same)}" for number, same in sorted(by_number.items()) if len(same) > 1]
    if twice:
        raise UserError(
            f"{len(twice)} frame numbers of {raw / folder} have more than one picture:{listed(twice)}",
            hint="leave one picture of each number in the folder",
        )
    return {number: f"{folder}/{by_number[number][0]}" for number in sorted(by_number)}


def _require_no_gaps(folder: Path, numbers: Mapping[int, str]) -> None:
    known = list(numbers)
    gaps = [(one + 1, following - 1) for one, following in itertools.pairwise(known) if following != one + 1]
    if gaps:
        count = sum(last - first + 1 for first, last in gaps)
        ends = " and ".join(f"{number} ({Path(numbers[number]).name})" for number in (known[0], known[-1]))
        raise UserError(
            f"{folder}: {count:,} frame numbers are missing between {ends}:"
            f"{listed(map(_run, gaps), shown=_SHOWN)}",
            hint="bring the missing frames; where a set leaves out frames on purpose, number the others anew,"
            " alike in all traverses",
        )


def _run(gap: tuple[int, int]) -> str:
    first, last = gap
    return str(first) if first == last else f"{first} to {last}"


def _require_equal(raw: Path, frames: Mapping[str, Mapping[int, str]]) -> None:
    """Refuse traverses of other numbers than the first one's; every file that has no counterpart is named."""
    first, *others = frames
    for folder in others:
        lone = [
            f"{path} (no {number} in {other})"
            for one, other in ((first, folder), (folder, first))
            for number, path in frames[one].items()
            if number not in frames[other]
        ]
        if lone:
            both = " and ".join(f"{name} ({_span(frames[name])})" for name in (first, folder))
            raise UserError(
                f"the traverses {both} in {raw} have different frame numbers;"
                f" {len(lone)} pictures have no counterpart:{listed(lone, shown=_SHOWN)}",
                hint="the same number must be the same place in every traverse: keep those that all have",
            )


def _span(numbers: Mapping[int, str]) -> str:
    known = list(numbers)
    return f"{len(known)} frames, {known[0]} to {known[-1]}"


def _plain(raw: Path, paths: list[str]) -> dict[str, bool]:
    """Whether each picture can be copied as it is; only heads are read."""
    plain, wrong = {}, []
    for path in progress(paths, total=len(paths), label="read heads"):
        if reason := unnameable(path):
            wrong.append(reason)
            continue
        try:
            plain[path] = read_header(raw / path).plain
        except BadImageError as error:
            wrong.append(error.message.replace(f"{raw / path}: ", f"{path}: "))
    if wrong:
        raise UserError(
            f"{len(wrong)} of {len(paths)} frames of {raw} cannot be used:{listed(wrong, shown=_SHOWN)}",
            hint="bring these files again, or take their numbers out of every traverse",
        )
    return plain


def _name(folder: str, number: int, east: int) -> str:
    """A mock position as other sets have them: no zone, no degrees; the panorama is traverse and number."""
    return ImageName(
        format_coordinate(east, 7, 2),
        format_coordinate(0, 7, 2),
        pano_id=f"{folder.replace('/', '_')}_{number:0{_DIGITS}d}",
    ).encode()
