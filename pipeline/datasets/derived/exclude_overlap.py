"""The images of a dataset that do not overlap a test set: not in it, and not taken near one of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.datasets.image_set.image_set import ImageRow, ImageSet, require_one_unit, require_positions
from pipeline.datasets.image_set.licence_terms import read_terms, write_terms
from pipeline.datasets.image_set.radius_search import within
from pipeline.datasets.image_set.utm_grid import brought, zone_in_name
from pipeline.datasets.listings.same_pictures import SamePictures
from pipeline.datasets.time_of_day.labels import number_in_name
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import ParameterError, SetError, listed
from pipeline.runtime.progress import progress


@dataclass(frozen=True)
class Apart:
    """Numbers of images: kept, left out because they are the same, and left out because they are near."""

    kept: int
    same: int
    near: int

    def __str__(self) -> str:
        """The counts in words, for a summary line."""
        return f"{self.kept:,} images kept; left out {self.same:,} that are the same and {self.near:,} near"


def exclude_overlap(
    source: ImageSet, other: ImageSet, out: Path, radius: float, shards_above: int | None = None
) -> Apart:
    """Link into the dataset `out` the images of `source` that do not overlap `other`.

    Left out are images with the bytes, the file name or Tokyo 24/7's query number of an image of `other`
    (names of two copies may differ in the last digit), and images taken at most `radius` metres from one.
    The result is read again and compared image by image before it becomes the dataset. Positions in
    different UTM grids are converted to those of `other`. Raises `SetError` if all are too far apart for
    that, if only some have a zone, if positions of one dataset are metres and those of the other frames, or
    unknown, or if no image is left.
    """
    if not 0 <= radius < np.inf:
        raise ParameterError(f"radius must be 0 metres or more, not {radius}")
    require_positions(source, other)
    require_one_unit(source, other)
    same = _same(source.rows, other.rows)
    near = _near(_grounds(source, other), radius)
    kept = [row for row, out_of_it in zip(source.rows, same | near, strict=True) if not out_of_it]
    if not kept:
        raise SetError(
            f"no image of {source.root} is apart from {other.root}: {same.sum()} of {len(source.rows)} are "
            f"in both, the others are at most {radius:g} m away"
        )
    with replaced_set(out, shards_above) as writer:
        for row in progress(kept, total=len(kept), label="apart"):
            writer.take(row, source)
        write_terms(writer.root, read_terms(source.root))
        writer.finish()
        require_no_overlap(ImageSet.open(writer.root), ImageSet.open(other.root), radius)
    return Apart(len(kept), int(same.sum()), int((near & ~same).sum()))


def require_no_overlap(kept: ImageSet, other: ImageSet, radius: float) -> None:
    """Raise `SetError` with both names if images of `kept` are in `other` or at most `radius` m from one.

    Compares every image with every other, and shares no code with the selection.
    """
    digests = {row.digest: row for row in other.rows}
    together = []
    for ground in _grounds(kept, other):
        for row, (east, north) in zip(kept.rows, ground.mine, strict=True):
            distances = np.hypot(ground.theirs[:, 0] - east, ground.theirs[:, 1] - north)
            near = (other.rows[ground.indexes[index]] for index in np.flatnonzero(distances <= radius))
            for one, distance in zip(near, distances[distances <= radius], strict=True):
                together.append(f"{row.name} and {one.name} ({distance:.2f} m)")
    together += [
        f"{row.name} and {digests[row.digest].name} (the same bytes)"
        for row in kept.rows
        if row.digest in digests
    ]
    if together:
        raise SetError(
            f"images of {kept.root} are also in {other.root}, or within {radius:g} m of its images:"
            f"{listed(together)}",
            hint="training on them would leak test images; this is a bug of the stage, please report it",
        )


def _same(rows: tuple[ImageRow, ...], others: tuple[ImageRow, ...]) -> np.ndarray:
    """Whether each of `rows` is an image of `others`, (n,) bool: by bytes, by name or by query number."""
    digests = {row.digest for row in others}
    names = SamePictures(row.file_name for row in others)
    numbers = {number_in_name(row.name) for row in others} - {None}
    return np.array(
        [
            row.digest in digests
            or names.meant_by(row.file_name) is not None
            or number_in_name(row.name) in numbers
            for row in rows
        ]
    )


@dataclass(frozen=True)
class _Ground:
    """One UTM grid.

    mine: positions (n, 2) of the images of a dataset in it, nan for those that are too far away.
    theirs, indexes: positions (m, 2) of the images of the other dataset in this grid, and their indexes (m,).
    """

    mine: np.ndarray
    theirs: np.ndarray
    indexes: np.ndarray


def _near(grounds: list[_Ground], radius: float) -> np.ndarray:
    """Whether each image is at most `radius` metres from one of the other set, (n,)."""
    found = np.zeros(len(grounds[0].mine), bool)
    for ground in grounds:
        here = np.flatnonzero(np.isfinite(ground.mine).all(axis=1))
        near = within(ground.mine[here], ground.theirs, radius)
        found[here] |= np.array([len(indexes) > 0 for indexes in near], dtype=bool)
    return found


def _grounds(source: ImageSet, other: ImageSet) -> list[_Ground]:
    """Positions of the images of `other`, grid by grid, and those of `source` converted to each grid."""
    mine, theirs = (np.array([(row.east, row.north) for row in images.rows]) for images in (source, other))
    if len({row.grid or zone_in_name(row.name) for row in (*source.rows, *other.rows)}) == 1:
        return [_Ground(mine, theirs, np.arange(len(theirs)))]
    grids, known = (tuple(row.grid for row in images.rows if row.grid) for images in (source, other))
    if len(grids) == len(mine) and len(known) == len(theirs):
        grounds = []
        for grid in sorted(set(known)):
            indexes = np.flatnonzero([one == grid for one in known])
            grounds.append(_Ground(brought(mine, grids, grid), theirs[indexes], indexes))
        if any(np.isfinite(ground.mine).any() for ground in grounds):
            return grounds
    found = "; ".join(f"{images.root}: {', '.join(_zones(images))}" for images in (source, other))
    raise SetError(
        f"distances need images in the same UTM zone or in neighbouring ones, found {found}",
        hint="datasets of different cities do not overlap: remove this stage",
    )


def _zones(images: ImageSet) -> list[str]:
    return sorted(
        {str(row.grid.zone) if row.grid else zone_in_name(row.name) or "none" for row in images.rows}
    )
