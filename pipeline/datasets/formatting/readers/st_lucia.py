"""St Lucia's passes: a folder for each, with a video and a line of GPS for each frame.

    100909_0845/webcam_video.avi
    100909_0845/fGPS.txt            27.50407,153.00236      latitude without its minus, longitude

One pass is the database and another one has the queries, as published; positions are UTM metres.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import cv2

from pipeline.core.files import require_file
from pipeline.core.image_io import encode
from pipeline.datasets.formatting.build_set import RawImage, Recode
from pipeline.datasets.image_set.image_names import Details, ImageName, name_at
from pipeline.runtime.errors import NameFormatError, UserError, listed
from pipeline.runtime.ranges import JpegQuality, Metres, require_ranges

_LOG = logging.getLogger(__name__)

VIDEO, POSITIONS = "webcam_video.avi", "fGPS.txt"


@dataclass(frozen=True)
class StLuciaSettings:
    """Two traverses of St Lucia, both by day.

    database: the traverse used as database, by its folder in `raw`, such as "100909_0845" (in quotes, because
        YAML reads it as a number).
    queries: the traverse used as queries, such as "210809_1210".
    metres: a frame is kept if it is at least this far from the last one kept (5).
    split: the split that all images go to.
    jpeg_quality: JPEG quality of the frames.
    """

    database: str
    queries: str
    metres: Metres
    split: Literal["train", "val", "test"]
    jpeg_quality: JpegQuality

    def __post_init__(self) -> None:
        require_ranges(self)
        for name in (self.database, self.queries):
            if PurePosixPath(name).name != name or name.startswith("."):
                raise ValueError(f"{name!r} is not a folder in raw")
        if self.database == self.queries:
            raise ValueError(f"database and queries are the same pass, {self.database}")


def read_st_lucia(raw: Path, settings: StLuciaSettings, _held: Path) -> Iterator[RawImage]:
    """Yield the kept frames of both passes in their order.

    The folder of archives is not used. Raises, before the first image, `MissingInputError` if a video or
    positions are missing, and `UserError` for lines that are not positions; later `UserError` for a video
    that cannot be read, or has fewer frames than there are lines.
    """
    roles = {settings.database: "database", settings.queries: "queries"}
    for name in roles:
        require_file(raw / name / VIDEO, hint=f"the folder of a pass has {VIDEO} and {POSITIONS}")
    names = {name: frame_names(raw / name / POSITIONS, name) for name in roles}
    for name, role in roles.items():
        kept = kept_frames(names[name], settings.metres)
        for frame, png in _frames(raw / name / VIDEO, kept, len(names[name])):
            yield RawImage(
                split=settings.split,
                role=role,
                file_name=names[name][frame].encode(),
                source=f"{name}/{VIDEO}/{frame:05d}",
                read=lambda png=png: png,  # type: ignore[misc]
                time_of_day="day",
                recode=Recode(settings.jpeg_quality),
                loose=True,
            )


def frame_names(path: Path, of_pass: str) -> list[ImageName]:
    """The names of all frames of a pass, from the lines of its file of positions."""
    require_file(path, hint=f"the folder of a pass has {VIDEO} and {POSITIONS}")
    names: list[ImageName] = []
    wrong = []
    lines = path.read_text(encoding="utf-8-sig", errors="replace").rstrip().splitlines()
    for frame, line in enumerate(lines):
        latitude, _, longitude = (part.strip() for part in line.partition(","))
        try:
            # The suburb is in the south, but the lines lack the minus.
            south = -abs(float(latitude))
            names.append(name_at(south, longitude, Details(pano_id=f"{of_pass}_{frame:05d}")))
        except (ValueError, NameFormatError):
            wrong.append(f"line {frame + 1}: {line!r}")
    if wrong or not names:
        raise UserError(
            f"{len(wrong)} of {len(lines)} lines of {path} are not latitude and longitude:{listed(wrong)}",
            hint="each frame of the video needs a line such as 27.50407,153.00236",
        )
    return names


def kept_frames(names: Sequence[ImageName], metres: float) -> list[int]:
    """The first frame, and each that is at least `metres` from the last one kept, by the names."""
    kept = [0]
    for frame, name in enumerate(names):
        last = names[kept[-1]]
        if math.hypot(name.east - last.east, name.north - last.north) >= metres:
            kept.append(frame)
    return kept


def _frames(video: Path, kept: Sequence[int], lines: int) -> Iterator[tuple[int, bytes]]:
    """The kept frames of a video of `lines` frames as PNGs, by number."""
    wanted = set(kept)
    capture = cv2.VideoCapture(str(video))
    try:
        count = 0
        while capture.grab():
            if count in wanted:
                _, pixels = capture.retrieve()
                picture = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
                yield count, encode(picture, ".png", quality=0, label=f"{video}, frame {count}")
            count += 1
    finally:
        capture.release()
    if count < lines:
        raise UserError(
            f"{video} has {count:,} readable frames, but {POSITIONS} beside it has {lines:,} lines",
            hint="each frame needs a line, so one of the two files was cut off: get both again",
        )
    if count > lines:
        _LOG.warning(
            "%s has %d frames, %s only %d lines: the last frames are left out", video, count, POSITIONS, lines
        )
