"""A dataset as plain files in the common folder layout, for tools that cannot read shards."""

from __future__ import annotations

from pathlib import Path

from pipeline.core import files
from pipeline.datasets.image_set.image_set import MANIFEST, ImageSet
from pipeline.datasets.image_set.tar_shards import INDEX
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.runtime.errors import UserError
from pipeline.runtime.progress import progress


def export_set(images: ImageSet, out: Path) -> ImageSet:
    """Write `images` as plain files into the dataset `out`, with its manifest and all files beside it.

    Files are hard links if `images` has files on the same disk. Raises `UserError` if one folder is inside
    the other, or `out` is neither empty nor a dataset.
    """
    source, target = images.root.resolve(), out.resolve()
    if source.is_relative_to(target) or target.is_relative_to(source):
        raise UserError(f"{out} and the dataset {images.root} may not be inside each other")
    with replaced_set(out) as writer:
        for row in progress(images.rows, total=len(images.rows), label="export"):
            writer.take(row, images)
        for file in sorted(images.root.iterdir()):
            if file.is_file() and file.name not in (MANIFEST, INDEX):
                files.link(file, writer.root / file.name)
    return ImageSet.open(out)
