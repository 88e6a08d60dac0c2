"""A published tree of files: unpacked, or in archives that each have a part of it."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline.core.clutter import is_clutter
from pipeline.core.files import read_plain
from pipeline.datasets.archives.archive_members import ARCHIVE_SUFFIXES, is_archive, member_names, members
from pipeline.datasets.formatting.readers.raw_files import RawFiles
from pipeline.runtime.errors import BadArchiveError

# Maps the path of a file to its place in the published tree, without outer folders; others to "".
Placed = Callable[[str], str]
_PATCH = "patch"


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file of the tree: its place there, a label for messages, its size in bytes, and its reader.

    loose: whether it is a separate file, not a member of an archive.
    """

    place: str
    label: str
    size: int
    read: Callable[[], bytes]
    loose: bool


@dataclass(frozen=True, slots=True)
class RawTree:
    """The files of a raw folder, and those of its archives (below it, or recorded in it and kept elsewhere).

    patched: places that an archive or a folder with "patch" in its name replaces.
    """

    folder: Path
    archives: tuple[Path, ...]
    placed: Placed
    patched: frozenset[str]

    @classmethod
    def of(cls, raw: Path, held: Path, placed: Placed) -> RawTree:
        """Find the archives of `raw`; `held` is the folder of recorded ones. Errors as `RawFiles.of`."""
        archives = {path for path in RawFiles.of(raw, held).files.values() if is_archive(path)}
        patched = set[str]()
        for path in _loose(raw):
            if path.lower().endswith(ARCHIVE_SUFFIXES) and not is_clutter(path):
                archives.add(raw / path)
            if _is_patch(path.rpartition("/")[0]):
                patched.add(placed(path))
        for archive in archives:
            if _is_patch(archive.name):
                patched.update(map(placed, member_names(archive)))
        return cls(raw, tuple(sorted(archives)), placed, frozenset(filter(None, patched)))

    def files(self, suffix: str) -> Iterator[RawFile]:
        """Yield the files with a suffix, in any case: archive after archive, then loose ones by folder.

        Each file of a compressed tar stays in memory until the caller drops it.
        """
        for archive in self.archives:
            wanted = partial(self._is_wanted, suffix, _is_patch(archive.name))
            for member in members(archive, wanted):
                yield RawFile(self.placed(member.name), member.label, member.size, member.read, loose=False)
        for path in _loose(self.folder):
            if self._is_wanted(suffix, _is_patch(path.rpartition("/")[0]), path):
                file = self.folder / path
                read = partial(read_plain, file)
                yield RawFile(self.placed(path), path, file.stat().st_size, read, loose=True)

    def _is_wanted(self, suffix: str, is_patch: bool, path: str) -> bool:
        if not path.lower().endswith(suffix) or is_clutter(path):
            return False
        place = self.placed(path)
        return bool(place) and (is_patch or place not in self.patched)


def _loose(raw: Path) -> Iterator[str]:
    """Paths of all files below `raw`, relative to it, by folder."""
    for folder, folders, names in os.walk(raw):
        folders.sort()
        below = Path(folder).relative_to(raw)
        for name in sorted(names):
            yield (below / name).as_posix()


def _is_patch(name: str) -> bool:
    """For names of archives, or of folders below the raw one; names of images may have any letters."""
    return _PATCH in name.lower()


def text_rows(file: RawFile, columns: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the cells of `columns` of a CSV as texts, row after row, wherever these columns are.

    Raises `BadArchiveError` for a file that lacks a column, is not a CSV, or has rows of another length.
    """
    try:
        lines = csv.reader(io.StringIO(file.read().decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        lacking = [name for name in columns if name not in header]
        if lacking:
            raise ValueError(f"no column {', '.join(lacking)}; its header is {','.join(header) or 'empty'}")
        places = [header.index(name) for name in columns]
        for row in lines:
            if row:
                if len(row) != len(header):
                    raise ValueError(f"line {lines.line_num} has {len(row)} cells instead of {len(header)}")
                yield tuple(row[place] for place in places)
    except (ValueError, csv.Error) as error:
        raise BadArchiveError(
            f"{file.label} is not the published table: {error}",
            hint="download it again, and do not edit it",
        ) from error
