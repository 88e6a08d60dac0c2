"""Datasets of VPR-Bench: numbered images in `ref` and `query`, and lists of positives as ground truth.

`ground_truth_new.npy` has for each query the references that show its place. If these lists are frames on
both sides of a query, or complete places, then positions and a radius can express them, and the dataset gets
those. Other lists are rejected.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.core.files import require_folder
from pipeline.datasets.formatting.build_set import RawImage, Recode
from pipeline.datasets.formatting.readers.frames import (
    SHOWN,
    frame_name,
    numbered_frames,
    plain_frames,
    require_no_gaps,
)
from pipeline.datasets.image_set.image_set import FRAMES
from pipeline.datasets.listings.object_arrays import read_object_array
from pipeline.runtime.errors import UserError, listed
from pipeline.runtime.ranges import JpegQuality, Metres, require_ranges

_LOG = logging.getLogger(__name__)

LABELS = "ground_truth_new.npy"
_ROLES = {"ref": "database", "query": "queries"}


@dataclass(frozen=True)
class VprBenchSettings:
    """A dataset in the VPR-Bench layout: `ref`, `query` and `ground_truth_new.npy` in `raw`.

    ref_time_of_day: time of day of the references; "" if unknown.
    query_time_of_day: time of day of the queries; "" if unknown.
    radius: radius in frames with which experiments will test on it. It is checked against the ground truth
        lists; a radius that disagrees is refused, and the error names those that agree.
    split: the split that all images go to.
    jpeg_quality: JPEG quality of images that must be encoded again; upright baseline JPEGs are copied
        unchanged.
    """

    ref_time_of_day: Literal["day", "sunset", "night", ""]
    query_time_of_day: Literal["day", "sunset", "night", ""]
    radius: Metres
    split: Literal["train", "val", "test"]
    jpeg_quality: JpegQuality

    def __post_init__(self) -> None:
        require_ranges(self)


@dataclass(frozen=True, slots=True)
class Line:
    """Positions of references and queries on a line that express the lists.

    least: with this radius, and up to one frame more, the positives are those of the lists.
    """

    references: list[float]
    queries: list[float]
    least: float


def read_vpr_bench(raw: Path, settings: VprBenchSettings, _held: Path) -> Iterator[RawImage]:
    """Yield references and queries in the order of their numbers.

    The folder of archives is not used. Raises, before the first image, `MissingInputError` for missing
    folders, images or labels, and `UserError` for images that are not numbered from 0, labels that are not
    lists of them or that no radius gives, a radius that does not match them, and unreadable headers.
    """
    require_folder(raw)
    frames = {folder: _from_zero(raw, folder) for folder in _ROLES}
    counts = {folder: len(numbers) for folder, numbers in frames.items()}
    line = _require_line(raw / LABELS, _right_answers(raw / LABELS, **counts), counts["ref"])
    _require_radius(raw / LABELS, line, settings.radius)
    plain = plain_frames(raw, [path for numbers in frames.values() for path in numbers.values()])
    places = {"ref": line.references, "query": line.queries}
    times = {"ref": settings.ref_time_of_day, "query": settings.query_time_of_day}
    for folder, numbers in frames.items():
        for number, path in numbers.items():
            yield RawImage(
                split=settings.split,
                role=_ROLES[folder],
                file_name=frame_name(folder, number, places[folder][number]),
                source=path,
                read=(raw / path).read_bytes,
                time_of_day=times[folder],
                recode=None if plain[path] else Recode(settings.jpeg_quality),
                positions_in=FRAMES,
                loose=True,
            )


def line_of(right: Sequence[Sequence[int]], references: int) -> Line | None:
    """Positions that express which of `references` are `right` for each query; None if there are none.

    right: for each query ascending numbers of references. A query without any is placed far from all.
    """
    return _frames_to_either_side(right, references) or _places_listed_whole(right, references)


def _frames_to_either_side(right: Sequence[Sequence[int]], references: int) -> Line | None:
    """References at their numbers, queries in the middle of their lists, which may be cut at both ends."""
    last = references - 1
    ends = [(near[0], near[-1]) for near in right if near]
    whole = {after - before for before, after in ends if before > 0 and after < last}
    radius = max(whole or (after - before for before, after in ends), default=0) / 2

    def middle(near: Sequence[int]) -> float:
        if not near:
            return last + 2 * radius + references
        if near[0] > 0:
            return near[0] + radius
        return near[-1] - radius if near[-1] < last else last / 2

    queries = list(map(middle, right))
    for near, at in zip(right, queries, strict=True):
        first, end = max(0, math.ceil(at - radius)), min(last, math.floor(at + radius))
        if list(near) != list(range(first, end + 1)):
            return None
    return Line([float(number) for number in range(references)], queries, radius)


def _places_listed_whole(right: Sequence[Sequence[int]], references: int) -> Line | None:
    """One place per list, if any two lists are the same or have nothing in common."""
    places = {tuple(near) for near in right if near}
    place_of = {number: place[0] for place in places for number in place}
    if len(place_of) < sum(map(len, places)):
        return None
    return Line(
        [float(place_of.get(number, number)) for number in range(references)],
        [float(near[0]) if near else 2.0 * references for near in right],
        0.0,
    )


def _from_zero(raw: Path, folder: str) -> dict[int, str]:
    require_folder(raw / folder, hint="a dataset of VPR-Bench has the folders ref and query")
    numbers = numbered_frames(raw, folder)
    require_no_gaps(raw / folder, numbers)
    if first := min(numbers):
        raise UserError(
            f"the images of {raw / folder} are numbered from {first}, but the lists of VPR-Bench from 0",
            hint="use the images and the ground truth of the same dataset, unchanged",
        )
    return numbers


def _right_answers(path: Path, ref: int, query: int) -> list[list[int]]:
    """The positives of each query, ascending; those that do not exist are left out with a warning."""
    lists: dict[int, list[int]] = {}
    wrong, unknown = [], []
    for line, row in enumerate(read_object_array(path)):
        number, near = row if isinstance(row, list) and len(row) == 2 else (None, None)
        near = [near] if isinstance(near, int) else near
        if not isinstance(number, int) or near is None or not all(isinstance(one, int) for one in near):
            wrong.append(f"row {line} is not a query and a list of references")
        elif number in lists:
            wrong.append(f"query {number} has two rows")
        elif not 0 <= number < query:
            wrong.append(f"there is no query {number}")
        else:
            lists[number] = sorted({one for one in near if 0 <= one < ref})
            unknown += [f"query {number}: {one}" for one in near if not 0 <= one < ref]
    wrong += [f"query {number} has no row" for number in range(query) if number not in lists]
    if wrong:
        raise UserError(
            f"{path} does not match the {query:,} images in query:{listed(wrong, shown=SHOWN)}",
            hint="use the images and the ground truth of the same dataset, unchanged",
        )
    if unknown:
        _LOG.warning(
            "%s names %d references that do not exist; they are left out:%s",
            path,
            len(unknown),
            listed(unknown),
        )
    return [lists[number] for number in range(query)]


def _require_line(path: Path, right: Sequence[Sequence[int]], references: int) -> Line:
    line = line_of(right, references)
    if line is None:
        longest = max(right, key=len)
        raise UserError(
            f"no radius gives the lists of {path}: they are neither equally many frames on both sides of each"
            f" query nor complete places; the longest has {len(longest)} references, {longest[0]} to"
            f" {longest[-1]}",
            hint="positives are decided by distance; if the dataset has positions, use form folder or common",
        )
    return line


def _require_radius(path: Path, line: Line, radius: float) -> None:
    if not line.least <= radius < line.least + 1:
        raise UserError(
            f"a radius of {radius:g} frames does not match {path}: it must be at least {line.least:g}"
            f" and less than {line.least + 1:g}",
            hint=f"set radius: {line.least or 0.5:g} here and in the experiments that test on this set",
        )
