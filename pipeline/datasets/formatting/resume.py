"""The finished images of an interrupted `format`: a folder of the work store, and a list of them."""

from __future__ import annotations

import shutil
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.core.code_digest import code_digest
from pipeline.core.files import digest_document, digest_file, unwritten, write_bytes
from pipeline.datasets.archives.local_archives import RECORD
from pipeline.datasets.image_set.image_set import ImageRow
from pipeline.datasets.writing.checksummed_lines import checked_fields, checked_line

_LIST = "images.txt"

# Rooms of the code that reads raw data and makes images from it.
ROOMS = (
    *("pipeline/core", "pipeline/datasets/archives", "pipeline/datasets/formatting"),
    *("pipeline/datasets/image_set", "pipeline/datasets/listings", "pipeline/datasets/time_of_day"),
    "pipeline/datasets/writing",
)


def resume_key(raw: Path, *choices: object) -> str:
    """A key of all that the images of a dataset depend on, 32 hex digits: raw files, `choices`, and code.

    Raw files count by name, size and time of change, archives elsewhere by their record in `raw`.
    """
    seen = [
        [path.relative_to(raw).as_posix(), path.stat().st_size, path.stat().st_mtime_ns]
        for path in sorted(raw.rglob("*"))
        if path.is_file() and path.name != RECORD
    ]
    record = raw / RECORD
    archives = digest_file(record) if record.is_file() else ""
    return digest_document([seen, archives, code_digest(ROOMS), *choices])[:32]


@dataclass(frozen=True)
class ResumableSet:
    """The finished images of one dataset with one `resume_key`, below `folder`.

    Folders of other keys are outdated, and are removed when it is opened.
    """

    folder: Path
    rows: dict[str, ImageRow]
    _list: BinaryIO

    @classmethod
    def opened(cls, of_set: Path, key: str) -> ResumableSet:
        """Continue with the images in `of_set`/`key` that are still as they were listed."""
        for other in of_set.glob("*"):
            if other.name != key:
                shutil.rmtree(other, ignore_errors=True)
        folder = of_set / key
        rows = _whole(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stream = (folder / _LIST).open("ab", buffering=0)
            stream.write(b"\n")  # ends a line that was cut off
        except OSError as error:
            raise unwritten(folder, error) from error
        return cls(folder, rows, stream)

    def add(self, row: ImageRow, data: bytes) -> None:
        """Keep the image of a row."""
        write_bytes(self.folder / row.name, data)
        try:
            self._list.write(checked_line(*map(str, astuple(row))))
        except OSError as error:
            raise unwritten(self.folder, error) from error
        self.rows[row.name] = row

    def close(self) -> None:
        """Keep everything for the next run."""
        self._list.close()

    def remove(self) -> None:
        """Remove all of it; the finished dataset keeps its links."""
        self._list.close()
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def _whole(folder: Path) -> dict[str, ImageRow]:
    """The listed images whose files have the listed bytes: a crash may have left zeros."""
    rows = {}
    listed = folder / _LIST
    for line in listed.read_bytes().splitlines() if listed.is_file() else ():
        fields = checked_fields(line)
        if fields:
            name, source, digest, size, width, height, *rest = fields
            rows[name] = ImageRow(name, source, digest, int(size), int(width), int(height), *rest)
    return {name: row for name, row in rows.items() if _is_whole(folder / name, row)}


def _is_whole(file: Path, row: ImageRow) -> bool:
    return file.is_file() and file.stat().st_size == row.size and digest_file(file) == row.digest
