"""Thumbnails of the images of an evaluation, in one archive instead of a file for each image.

`pictures.zip` contains, uncompressed, small JPEGs under the names of the images in their dataset. For each
example query: the query, its first matches, and the nearest database image.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.files import atomic_write, require_file
from pipeline.core.image_io import small_jpeg
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.progress import progress
from pipeline.vpr.results.ground_truth import Nearest
from pipeline.vpr.results.query_results import QueryResult, examples_first

COPIES = "pictures.zip"
# Queries with thumbnails: with their matches about 2 MB of street scenes. They are kept for every experiment
# on every test set, and more would not fit into a page.
PICTURED = 60
# Pixels of the longest side.
_LONGEST = 220
# The earliest time in a zip: the same images give the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_JPEG = b"\xff\xd8"
_ENCRYPTED = 1


@dataclass(frozen=True)
class Thumbnail:
    """An image of an archive: its name in the dataset, checksum (CRC-32) and size in bytes."""

    name: str
    checksum: int
    size: int


class Thumbnails:
    """The thumbnails in an archive, which is open only while it is read: a page needs hundreds of archives.

    `DusklineError` when it is missing or not an archive of thumbnails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as archive:
            self.copies = {info.filename: self._copy(info) for info in archive.infolist()}

    def read(self, name: str) -> bytes:
        """The JPEG of an image; `DusklineError` when it is damaged or not a JPEG."""
        with self._opened() as archive:
            try:
                data = archive.read(name)
            except zipfile.BadZipFile as error:
                raise self._not_ours(f"{name} is damaged ({error})") from error
        if not data.startswith(_JPEG):
            raise self._not_ours(f"{name} is not a JPEG")
        return data

    @contextlib.contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        require_file(self._path, hint="run the evaluation again, or run `dvc pull`")
        try:
            archive = zipfile.ZipFile(self._path)
        except (zipfile.BadZipFile, OSError) as error:
            raise self._not_ours(str(error)) from error
        with archive:
            yield archive

    def _copy(self, info: zipfile.ZipInfo) -> Thumbnail:
        # Uncompressed data cannot be larger than the file.
        stored = info.compress_type == zipfile.ZIP_STORED and info.file_size == info.compress_size
        if not stored or info.flag_bits & _ENCRYPTED:
            raise self._not_ours(f"{info.filename} is compressed or encrypted")
        return Thumbnail(info.filename, info.CRC, info.file_size)

    def _not_ours(self, why: str) -> DusklineError:
        return DusklineError(
            f"{self._path} is not an archive of thumbnails: {why}",
            hint="run the evaluation again, or run `dvc pull`",
        )


def write_thumbnails(
    path: Path, answers: Sequence[QueryResult], nearest: Mapping[str, Nearest], images: ImageSet
) -> None:
    """Write the thumbnails of the first `PICTURED` examples of `answers`, whose queries are in `images`."""
    rows = {row.name: row for row in images.rows}
    # A dict, so that each name is there once, in the order of the answers.
    names = dict.fromkeys(
        name
        for answer in examples_first(answers)[:PICTURED]
        for name in (answer.query, nearest[answer.query].database, *(row.database for row in answer.found))
    )
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in progress(names, label="thumbnails", unit="image"):
            info = zipfile.ZipInfo(name, _NO_TIME)
            # As on Unix, on every system.
            info.create_system = 3
            label = f"{images.root}/{name}"
            archive.writestr(info, small_jpeg(images.read(rows[name]), _LONGEST, label=label))
