"""Read all images of a training run before its first step, so that no bad image stops it after hours."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pipeline.compute.distributed.group import Group
from pipeline.core.image_io import open_rgb
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.runtime.image_check import refuse_unreadable, unreadable


def require_readable(images: ImageSet, splits: Sequence[str], workers: int, group: Group) -> None:
    """Read every image of these splits; `BadImageError` names all that cannot be read.

    The processes of `group` share the images.
    """
    mine = group.share([row for split in splits for row in images.where(split)])
    found = group.joined_words(unreadable({row.name: partial(_read, images, row) for row in mine}, workers))
    refuse_unreadable(
        found.values(), f"restore the dataset {images.root}: run `dvc checkout`, or the stage that makes it"
    )


def _read(images: ImageSet, row: ImageRow) -> None:
    open_rgb(images.read(row), label=f"{images.root}/{row.name}")
