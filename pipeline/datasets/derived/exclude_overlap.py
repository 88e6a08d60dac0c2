"""What of a set has nothing in common with a test set: no picture of it, and none taken near one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.datasets.image_set.image_set import ImageRow, ImageSet, require_one_unit, require_positions
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.datasets.image_set.radius_search import within
from pipeline.datasets.image_set.utm_grid import brought, grid_of_most, zone_in_name
from pipeline.datasets.time_of_day.labels import number_in_name
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import ParameterError, SetError, listed
from pipeline.runtime.progress import progress


@dataclass(frozen=True)
class Apart:
    """Images kept, and those left out by the first reason that holds: the same picture, or a near place."""

    kept: int
    same: int
    near: int

    def __str__(self) -> str:
        """The counts in words, for a summary line."""
        return f"{self.kept:,} images kept; left out {self.same:,} that are the same and {self.near:,} near"


def exclude_overlap(
    source: ImageSet, other: ImageSet, out: Path, radius: float, shards_above: int | None = None
) -> Apart:
    """Link into the set `out` the images of `source` that have nothing in common with `other`.

    Left out are those with the bytes, the file name or Tokyo 24/7's query number of an image of `other`, and
    those taken at most `radius` metres from one. What was written is read again and compared image by image
    before it becomes the set. Where images are in different UTM grids, their positions are brought into that
    of `other`. `SetError` when they are too far apart for that, when some have a zone and others none, when
    positions of one set are metres and of the other frames, or unknown, or when nothing is left.
    """
    if not 0 <= radius < np.inf:
        raise ParameterError(f"radius must be metres from 0 on, not {radius}")
    require_positions(source, other)
    require_one_unit(source, other)
    same = _same(source.rows, other.rows)
    near = _near(*_in_one_grid(source, other), radius)
    kept = [row for row, out_of_it in zip(source.rows, same | near, strict=True) if not out_of_it]
    if not kept:
        raise SetError(
            f"nothing of {source.root} is apart from {other.root}: {same.sum()} of {len(source.rows)} images "
            f"are the same, the others at most {radius:g} m away"
        )
    with replaced_set(out, shards_above) as writer:
        for row in progress(kept, total=len(kept), label="apart"):
            writer.take(row, source)
        write_terms(writer.root, read_terms(source.root))
        writer.finish()
        require_no_overlap(ImageSet.open(writer.root), ImageSet.open(other.root), radius)
    return Apart(len(kept), int(same.sum()), int((near & ~same).sum()))


def require_no_overlap(kept: ImageSet, other: ImageSet, radius: float) -> None:
    """Raise `SetError` with both names for images of `kept` that are of `other` or at most `radius` m away.

    Every image is compared with every other, without what chose them.
    """
    kept_at, positions = _in_one_grid(kept, other)
    together = []
    for row, (east, north) in zip(kept.rows, kept_at, strict=True):
        distances = np.hypot(positions[:, 0] - east, positions[:, 1] - north)
        for index, one in enumerate(other.rows):
            if distances[index] <= radius or row.digest == one.digest:
                together.append(f"{row.name} and {one.name} ({distances[index]:.2f} m)")
    if together:
        raise SetError(
            f"images of {kept.root} are not apart from {other.root} by more than {radius:g} m:"
            f"{listed(together)}",
            hint="they would teach what the test set asks; this is a fault of the stage, please report it",
        )


def _same(rows: tuple[ImageRow, ...], others: tuple[ImageRow, ...]) -> np.ndarray:
    """Whether each of `rows` is an image of `others`, (n,) bool: by bytes, by file name or by number."""
    digests = {row.digest for row in others}
    names = {row.file_name for row in others}
    numbers = {number_in_name(row.name) for row in others} - {None}
    return np.array(
        [
            row.digest in digests or row.file_name in names or number_in_name(row.name) in numbers
            for row in rows
        ]
    )


def _near(positions: np.ndarray, others: np.ndarray, radius: float) -> np.ndarray:
    """Whether each of `positions` (n, 2) is at most `radius` metres from one of `others` (m, 2), (n,)."""
    return np.array([len(indexes) > 0 for indexes in within(positions, others, radius)])


def _in_one_grid(source: ImageSet, other: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """East and north (n, 2) of both sets' images in one UTM grid, that of most of `other`."""
    rows = (*source.rows, *other.rows)
    positions = np.array([(row.east, row.north) for row in rows])
    if len({row.grid or zone_in_name(row.name) for row in rows}) > 1:
        grids = [row.grid for row in rows if row.grid]
        if len(grids) == len(rows):
            positions = brought(positions, grids, grid_of_most(grids[len(source.rows) :]))
        if len(grids) < len(rows) or np.isnan(positions).any():
            found = "; ".join(f"{images.root}: {', '.join(_zones(images))}" for images in (source, other))
            raise SetError(
                f"distances need all images in one UTM zone, found {found}; these are not neighbours",
                hint="sets of different cities have nothing in common: leave the stage out",
            )
    return positions[: len(source.rows)], positions[len(source.rows) :]


def _zones(images: ImageSet) -> list[str]:
    return sorted(
        {str(row.grid.zone) if row.grid else zone_in_name(row.name) or "none" for row in images.rows}
    )
