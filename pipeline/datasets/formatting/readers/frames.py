"""Numbered frames of walks and drives: the numbers in their file names, and their positions on a line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pipeline.core.image_files import picture_files, unnameable
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.datasets.formatting.photo_metadata import read_header
from pipeline.datasets.image_set.image_names import ImageName, format_coordinate
from pipeline.runtime.errors import BadImageError, MissingInputError, UserError, listed
from pipeline.runtime.progress import progress

_NUMBER = re.compile(r"(\d+)\D*$", re.ASCII)
# How many missing numbers and files a message lists before it counts the rest.
SHOWN = 200
_DIGITS = 5


def number_of(path: str) -> int | None:
    """The frame number of a file: the last digits in its name without suffix; None without any."""
    found = _NUMBER.search(PurePosixPath(path).stem)
    return int(found[1]) if found else None


def numbered_frames(raw: Path, folder: str) -> dict[int, str]:
    """The images of a folder below `raw` by frame number, ascending; paths are relative to `raw`.

    Raises `MissingInputError` for a folder without images, and `UserError` that names files without a
    number and files with the same number.
    """
    names = picture_files(raw / folder)
    if not names:
        raise MissingInputError(
            f"no images in {raw / folder}: no {', '.join(PICTURE_SUFFIXES)} files",
            hint="copy the frames of this traverse there, or remove it from traverses in the section",
        )
    without = [name for name in names if number_of(name) is None]
    if without:
        raise UserError(
            f"{len(without)} images of {raw / folder} have no frame number in their name:{listed(without)}",
            hint="the number is the last digits before the suffix; rename or remove these images",
        )
    by_number: dict[int, list[str]] = {}
    for name in names:
        by_number.setdefault(number_of(name) or 0, []).append(name)
    twice = [f"{number}: {', '.join(same)}" for number, same in sorted(by_number.items()) if len(same) > 1]
    if twice:
        raise UserError(
            f"{len(twice)} frame numbers of {raw / folder} have more than one image:{listed(twice)}",
            hint="keep one image of each number in the folder",
        )
    return {number: f"{folder}/{by_number[number][0]}" for number in sorted(by_number)}


def require_no_gaps(folder: Path, numbers: Mapping[int, str]) -> None:
    """Raise `UserError` that names the missing numbers between the frames of `folder`."""
    known = list(numbers)
    gaps = [(one + 1, following - 1) for one, following in itertools.pairwise(known) if following != one + 1]
    if gaps:
        count = sum(last - first + 1 for first, last in gaps)
        ends = " and ".join(f"{number} ({Path(numbers[number]).name})" for number in (known[0], known[-1]))
        raise UserError(
            f"{folder}: {count:,} frame numbers are missing between {ends}:"
            f"{listed(map(_run, gaps), shown=SHOWN)}",
            hint="add the missing frames; if a dataset leaves out frames on purpose, use form traverses"
            " and set frame_list to the list of the others",
        )


def _run(gap: tuple[int, int]) -> str:
    first, last = gap
    return str(first) if first == last else f"{first} to {last}"


def plain_frames(raw: Path, paths: list[str]) -> dict[str, bool]:
    """Whether each image can be copied unchanged; only headers are read.

    `UserError` names those whose headers cannot be read.
    """
    plain, wrong = {}, []
    for path in progress(paths, total=len(paths), label="read headers"):
        if reason := unnameable(path):
            wrong.append(reason)
            continue
        try:
            plain[path] = read_header(raw / path).plain
        except BadImageError as error:
            wrong.append(error.message.replace(f"{raw / path}: ", f"{path}: "))
    if wrong:
        raise UserError(
            f"{len(wrong)} of {len(paths)} frames of {raw} cannot be used:{listed(wrong, shown=SHOWN)}",
            hint="get these files again, or remove their numbers from every traverse",
        )
    return plain


def frame_name(folder: str, number: int, east: float) -> str:
    """A name with a mock position: no zone, no degrees; the pano_id is traverse and number."""
    return ImageName(
        format_coordinate(east, 7, 2),
        format_coordinate(0, 7, 2),
        pano_id=f"{folder.replace('/', '_')}_{number:0{_DIGITS}d}",
    ).encode()
