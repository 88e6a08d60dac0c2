"""Walks and drives, a folder for each, matched by frame numbers: usually the same number is the same place.

This holds for Gardens Point Walking (`day_left/Image000.jpg`), Nordland (a folder per season) and others. A
file matches the two drives of Alderley, and a list says which frames of Nordland to use. The positions of
frames were not measured, so positions count frames along a line: a radius of 3 means 3 frames.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pipeline.core.files import require_file, require_folder
from pipeline.core.image_files import unnameable
from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import RawImage, Recode
from pipeline.datasets.formatting.readers.frames import (
    SHOWN,
    frame_name,
    number_of,
    numbered_frames,
    plain_frames,
    require_no_gaps,
)
from pipeline.datasets.image_set.image_set import FRAMES
from pipeline.runtime.errors import MissingInputError, ParameterError, UserError, listed
from pipeline.runtime.ranges import Count, JpegQuality, require_ranges

_PAIR = re.compile(r"\s*(\d+)\s*,\s*(\d+)\s*", re.ASCII)


@dataclass(frozen=True)
class Traverse:
    """One walk or drive.

    role: role of its images.
    time_of_day: time of day; "" if unknown.
    frame_step: every n-th of its frames is kept; null for the common `frame_step`.
    """

    role: Literal["database", "queries"]
    time_of_day: Literal["day", "sunset", "night", ""]
    frame_step: Count | None = None

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True)
class Matches:
    """Which frames of two traverses show the same place, if their numbers do not correspond.

    file: a CSV in `raw` without a header, two frame numbers per line, such as Alderley's framematches.csv.
    first: the traverse of the first number, by its folder; positions count its frames.
    second: the traverse of the second number; each of its frames must have a line.
    """

    file: str
    first: str
    second: str

    def __post_init__(self) -> None:
        _require_below("file", self.file)


@dataclass(frozen=True)
class TraversesSettings:
    """Walks or drives whose frames are matched by number, as a dataset whose positions count frames.

    traverses: a section with an entry for each folder in `raw`, by folder name: `role` (database or queries),
        `time_of_day` (day, sunset, night, or "" if unknown) and, if it differs, `frame_step`. Other folders
        are left out.
    split: the split that all images go to.
    frame_step: every n-th frame is kept, starting with the first; 1 keeps all.
    jpeg_quality: JPEG quality of images that must be encoded again; upright baseline JPEGs are copied
        unchanged.
    matches: for two traverses whose frame numbers do not correspond: `file`, a CSV in `raw` with two frame
        numbers per line, and `first` and `second`, the folders that they belong to. Each frame of the second
        must have a line.
    frame_list: a text file in `raw` with the names of the frames to use, one per line, such as Nordland's
        cleanImageNames.txt; positions are then positions in this list. Null uses all frames.
    """

    traverses: dict[str, Any]
    split: Literal["train", "val", "test"]
    frame_step: Count
    jpeg_quality: JpegQuality
    matches: Matches | None = None
    frame_list: str | None = None

    def __post_init__(self) -> None:
        require_ranges(self)
        for folder in self.traverses:
            _require_below("traverses", str(folder))
            if "@" in str(folder) or unnameable(str(folder)):
                raise ValueError(
                    f"traverses: the folder {str(folder)!r} may not contain '@' or control characters"
                )
        inner = [
            f"{one} in {other}"
            for one, other in itertools.permutations(map(str, self.traverses), 2)
            if PurePosixPath(one).is_relative_to(other)
        ]
        if inner:
            raise ValueError(f"traverses: one folder may not be in another: {', '.join(inner)}")
        roles = {traverse.role for traverse in self.by_folder.values()}
        for role in ("database", "queries"):
            if role not in roles:
                raise ValueError(f"traverses: no folder has the role {role}; at least one must")
        if self.frame_list is not None:
            _require_below("frame_list", self.frame_list)
        if self.matches is not None:
            self._require_matched(self.matches)

    def _require_matched(self, matches: Matches) -> None:
        if self.frame_list is not None:
            raise ValueError("frame_list is not used with matches: the file of matches lists the frames")
        if sorted(self.by_folder) != sorted([matches.first, matches.second]):
            raise ValueError(
                f"matches: first and second must be the two traverses, {' and '.join(self.by_folder)}, not"
                f" {matches.first} and {matches.second}"
            )

    @property
    def by_folder(self) -> dict[str, Traverse]:
        """The traverses by their folders; `ValueError` for an invalid one."""
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


def _require_below(what: str, name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.as_posix() in ("", "."):
        raise ValueError(f"{what}: {name!r} is not inside raw")


def read_traverses(raw: Path, settings: TraversesSettings, _held: Path) -> Iterator[RawImage]:
    """Yield the kept frames of each traverse in the order of their numbers; errors as `placed_frames`.

    The folder of archives is not used. `UserError`, before the first image, names images whose headers cannot
    be read.
    """
    placed = placed_frames(raw, settings)
    first = min(frame.place for frames in placed.values() for frame in frames)
    plain = plain_frames(raw, [frame.path for frames in placed.values() for frame in frames])
    for folder, frames in placed.items():
        traverse = settings.by_folder[folder]
        for frame in frames:
            yield RawImage(
                split=settings.split,
                role=traverse.role,
                file_name=frame_name(folder, frame.number, frame.place - first),
                source=frame.path,
                read=(raw / frame.path).read_bytes,
                time_of_day=traverse.time_of_day,
                recode=None if plain[frame.path] else Recode(settings.jpeg_quality),
                positions_in=FRAMES,
                loose=True,
            )


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a traverse: its number, its path relative to the raw folder, its position in frames."""

    number: int
    path: str
    place: int


def placed_frames(raw: Path, settings: TraversesSettings) -> dict[str, list[Frame]]:
    """The kept frames of each traverse, by number ascending.

    Raises `MissingInputError` for a missing folder or file or a folder without images, and `UserError` that
    names files without a number, files with the same number, numbers missing in between or in the list,
    numbers that only some traverses have, and invalid matches.
    """
    require_folder(raw)
    missing = [folder for folder in settings.by_folder if not (raw / folder).is_dir()]
    if missing:
        found = ", ".join(sorted(path.name for path in raw.iterdir() if path.is_dir())) or "none"
        wanted = f"{len(missing)} of {len(settings.by_folder)} traverses"
        raise MissingInputError(
            f"{wanted} have no folder in {raw}:{listed(missing)}",
            hint=f"folders found: {found}; fix traverses in the section, or copy the folder there",
        )
    frames = {folder: numbered_frames(raw, folder) for folder in settings.by_folder}
    if settings.frame_list is not None:
        places = _places_in_list(raw, settings.frame_list, frames)
        by_folder = dict.fromkeys(frames, places)
    else:
        for folder, numbers in frames.items():
            require_no_gaps(raw / folder, numbers)
        if settings.matches is not None:
            by_folder = _matched_places(raw, settings.matches, frames)
        else:
            _require_equal(raw, frames)
            by_folder = {folder: {number: number for number in numbers} for folder, numbers in frames.items()}
    return {
        folder: [
            Frame(number, frames[folder][number], place)
            for number, place in itertools.islice(
                sorted(places.items()), 0, None, settings.by_folder[folder].frame_step or settings.frame_step
            )
        ]
        for folder, places in by_folder.items()
    }


def _places_in_list(raw: Path, name: str, frames: Mapping[str, Mapping[int, str]]) -> dict[int, int]:
    """The position of each listed number among the sorted numbers; every traverse must have all of them."""
    path = require_file(raw / name, hint="copy the list of frames there, or fix frame_list in the section")
    lines: dict[int, str] = {}
    wrong = []
    for line, text in enumerate(_lines(path), start=1):
        number = number_of(text)
        if not text:
            continue
        if number is None:
            wrong.append(f"line {line}: {text!r} has no frame number")
        elif number in lines:
            wrong.append(f"line {line}: {text} has the same number as {lines[number]}")
        else:
            lines[number] = text
    wrong += [
        f"{folder} has no {text}"
        for folder, numbers in frames.items()
        for number, text in lines.items()
        if number not in numbers
    ]
    if wrong or not lines:
        raise UserError(
            f"{path} lists {len(lines):,} frames, with {len(wrong)} errors:{listed(wrong, shown=SHOWN)}",
            hint="write one name per line, each number once; every traverse must have all listed frames: an"
            " archive of other frames has other places under these names",
        )
    return {number: place for place, number in enumerate(sorted(lines))}


def _matched_places(
    raw: Path, matches: Matches, frames: Mapping[str, Mapping[int, str]]
) -> dict[str, dict[int, int]]:
    """Positions of the frames of both traverses, in frame numbers of the first one."""
    path = require_file(raw / matches.file, hint="copy the matches there, or fix matches in the section")
    first, second = frames[matches.first], frames[matches.second]
    matched, wrong = read_matches(path)
    wrong += [
        f"{matches.second} {other} is matched with {number}, but {matches.first} has no such frame"
        for other, number in matched.items()
        if number not in first
    ]
    wrong += [f"{matches.second} has no frame {other}" for other in matched if other not in second]
    wrong += [f"{frame} has no line" for number, frame in second.items() if number not in matched]
    if wrong:
        raise UserError(
            f"{path} does not match the frames of {matches.first} and {matches.second}, with {len(wrong)}"
            f" errors:{listed(wrong, shown=SHOWN)}",
            hint=f"the first number of a line is a frame of {matches.first}, the second one of"
            f" {matches.second}; if it is the other way round, swap first and second",
        )
    return {matches.first: {number: number for number in first}, matches.second: matched}


def read_matches(path: Path) -> tuple[dict[int, int], list[str]]:
    """The first numbers of a file of matches by the second ones, and what is wrong with its lines."""
    matched: dict[int, int] = {}
    wrong = []
    for line, text in enumerate(_lines(path), start=1):
        found = _PAIR.fullmatch(text)
        if found is None:
            if text:
                wrong.append(f"line {line}: {text!r} is not two frame numbers separated by a comma")
            continue
        number, other = int(found[1]), int(found[2])
        if matched.setdefault(other, number) != number:
            wrong.append(f"line {line}: {other} is matched with {number}, but earlier with {matched[other]}")
    return matched, wrong


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines()]


def _require_equal(raw: Path, frames: Mapping[str, Mapping[int, str]]) -> None:
    """Raise `UserError` with every file without a counterpart, if traverses have different numbers."""
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
                f" {len(lone)} images have no counterpart:{listed(lone, shown=SHOWN)}",
                hint="the same number must be the same place in every traverse: keep those that all have",
            )


def _span(numbers: Mapping[int, str]) -> str:
    known = list(numbers)
    return f"{len(known)} frames, {known[0]} to {known[-1]}"
