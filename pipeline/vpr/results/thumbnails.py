"""Small copies of the images that an evaluation is looked at by: one archive, not a file for each image.

`pictures.zip` holds, uncompressed, a small JPEG under the name that the image has in its set, for the most
telling queries: of the query, of the first matches, and of what lies nearest on the ground.
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
# Queries of an evaluation that have images: with what was found for them, about 2 MB of street scenes. More
# would be kept for every experiment on every test set, and would not find room in a page.
PICTURED = 60
# Pixels of the longest side.
_LONGEST = 220
# The earliest that the form can hold: copies of the same images are the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_JPEG = b"\xff\xd8"
_ENCRYPTED = 1


@dataclass(frozen=True)
class Thumbnail:
    """An image of an archive: its name in the set, checksum (CRC-32) and bytes, known without reading it."""

    name: str
    checksum: int
    size: int


class Thumbnails:
    """The small copies in an archive, which is open only while it is read: a page is made of hundreds.

    `DusklineError` when it is missing or not an archive of small copies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._opened() as archive:
            self.copies = {info.filename: self._copy(info) for info in archive.infolist()}

    def read(self, name: str) -> bytes:
        """The JPEG of an image; `DusklineError` when it is damaged or none."""
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
        # What is not compressed cannot unfold to more than the file has bytes.
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
    """Write the images of the `PICTURED` most telling of `answers`, which are of queries in `images`."""
    rows = {row.name: row for row in images.rows}
    # As a dict: each once, in the order of the answers.
    names = dict.fromkeys(
        name
        for answer in examples_first(answers)[:PICTURED]
        for name in (answer.query, nearest[answer.query].database, *(row.database for row in answer.found))
    )
    with atomic_write(path) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name in progress(names, label="thumbnails", unit="image"):
            info = zipfile.ZipInfo(name, _NO_TIME)
            # As on Unix, wherever it is made.
            info.create_system = 3
            label = f"{images.root}/{name}"
            archive.writestr(info, small_jpeg(images.read(rows[name]), _LONGEST, label=label))
