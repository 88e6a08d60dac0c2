"""How sets are written: image by image, manifest last, in the place of an older set when complete."""

from __future__ import annotations

import contextlib
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.core import files
from pipeline.datasets.image_set.image_set import (
    MANIFEST,
    ImageRow,
    ImageSet,
    check_row,
    manifest_bytes,
    refuse_at,
)
from pipeline.datasets.image_set.tar_shards import SHARDS, Entry, pack, write_index
from pipeline.runtime.errors import MissingInputError, NameFormatError, SetError
from pipeline.runtime.progress import progress

_SET = "a dataset"


@contextlib.contextmanager
def replaced_set(root: Path, shards_above: int | None = None) -> Iterator[SetWriter]:
    """Give a writer whose set takes the place of `root` when the block ends well, manifest and all.

    shards_above: a set of more images than that is one of shards; None for never.
    Until then, and if the block fails, an older set in `root` stays as it was. Errors as
    `require_replaceable_set`.
    """
    refuse_at(root)
    with files.replaced_folder(root, _is_set, _SET) as beside:
        writer = SetWriter(beside, shards_above)
        yield writer
        writer.finish()


def require_replaceable_set(root: Path) -> None:
    """Raise `SetError` or `UserError` unless `root` can become a set: absent, empty, or one already.

    A run of hours asks before it begins.
    """
    refuse_at(root)
    files.require_replaceable(root, _is_set, _SET)


def _is_set(root: Path) -> bool:
    return (root / MANIFEST).is_file()


class SetWriter:
    """Writes a set into a new or empty folder; nobody takes it for complete before `finish`.

    Images are files until the end: then, when there are more than `shards_above`, they become shards. Those
    that are taken from shards stay there, and shards that are taken as a whole are not written again.
    """

    def __init__(self, root: Path, shards_above: int | None = None) -> None:
        refuse_at(root)
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise SetError(
                f"a dataset needs a new or empty folder, which {root} is not",
                hint="remove it, or use another folder",
            )
        self.root = root
        self._shards_above = shards_above
        self._rows: dict[str, ImageRow] = {}
        # Rows that are still in the shards of the sets that they were taken from, by the root of the set.
        self._elsewhere: dict[Path, tuple[ImageSet, list[ImageRow]]] = {}
        self._finished: ImageSet | None = None

    def add(
        self,
        name: str,
        data: bytes,
        *,
        source: str,
        width: int,
        height: int,
        time_of_day: str = "",
        positions_in: str = "",
    ) -> ImageRow:
        """Write one image; its values are those of `ImageRow`, errors as `write`."""
        digest = files.digest_bytes(data)
        row = ImageRow(name, source, digest, len(data), width, height, time_of_day, positions_in)
        self.write(row, data)
        return row

    def write(self, row: ImageRow, data: bytes) -> None:
        """Write the image of `row`, whose bytes are `data`.

        Raises `SetError` for a name outside the convention and for one that was already given.
        """
        self._take(row)
        files.write_bytes(self.root / row.name, data)

    def link(self, row: ImageRow, file: Path) -> ImageRow:
        """Add `row`, whose bytes `file` holds, by a hard link (a copy across file systems)."""
        try:
            size = file.stat().st_size
        except OSError as error:
            raise MissingInputError(f"no such file: {file}") from error
        if size != row.size:
            raise SetError(f"{file} has {size} bytes, the row {row.name} says {row.size}")
        self._take(row)
        files.link(file, self.root / row.name)
        return row

    def take(self, row: ImageRow, images: ImageSet) -> ImageRow:
        """Add `row`, whose bytes are those of the image of its name in another set."""
        if images.index is None:
            return self.link(row, images.path(row))
        self._take(row)
        self._elsewhere.setdefault(images.root, (images, []))[1].append(row)
        return row

    def finish(self) -> ImageSet:
        """Write shards where there are to be some, and the manifest.

        `SetError` for an empty set, and for one whose positions do not all count the same.
        """
        if self._finished is None:
            self._finished = self._finish()
        return self._finished

    def _finish(self) -> ImageSet:
        if not self._rows:
            raise SetError(f"no images for the dataset {self.root}")
        rows = tuple(self._rows[name] for name in sorted(self._rows))
        index = None
        if self._shards_above is not None and len(rows) > self._shards_above:
            index = self._write_shards(rows)
        else:
            for images, taken in self._elsewhere.values():
                for row in progress(taken, total=len(taken), label="unpack"):
                    files.write_bytes(self.root / row.name, images.read(row))
        data = manifest_bytes(rows)
        files.write_bytes(self.root / MANIFEST, data)
        return ImageSet(self.root, rows, files.digest_bytes(data), index)

    def _write_shards(self, rows: Sequence[ImageRow]) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        read_from: dict[str, ImageSet] = {}
        for images, taken in self._elsewhere.values():
            for entry in self._linked_shards(images, taken):
                entries[entry.name] = entry
            read_from |= {row.name: images for row in taken if row.name not in entries}
        here = ImageSet(self.root, (), "")
        loose = [row for row in rows if row.name not in entries]
        packed = pack(loose, lambda row: read_from.get(row.name, here).read(row), self.root / SHARDS)
        entries |= {
            row.name: entry for row, entry in progress(packed, total=len(loose), label="write shards")
        }
        write_index(self.root, entries.values())
        shutil.rmtree(self.root / "images", ignore_errors=True)
        return entries

    def _linked_shards(self, images: ImageSet, taken: Sequence[ImageRow]) -> Iterator[Entry]:
        """Link the shards of which all images are taken as they are; yield the entries of these images."""
        assert images.index is not None
        all_of, taken_of = (_by_shard(rows, images.index) for rows in (images.rows, taken))
        for shard in sorted(taken_of):
            if taken_of[shard] == all_of[shard]:
                name = f"{images.root.name}-{shard}"
                if (self.root / SHARDS / name).exists():
                    raise SetError(f"two datasets named {images.root.name} cannot be combined")
                files.link(images.root / SHARDS / shard, self.root / SHARDS / name)
                for row in taken_of[shard]:
                    yield replace(images.index[row.name], shard=name)

    def _take(self, row: ImageRow) -> None:
        try:
            check_row(row)
        except (NameFormatError, ValueError) as error:
            raise SetError(f"cannot add {row.name!r} (from {row.source}): {error}") from error
        known = self._rows.get(row.name)
        if known is not None:
            raise SetError(
                f"two images with the name {row.name}: from {known.source} and from {row.source}",
                hint="remove one if they are copies; otherwise give them different positions or labels",
            )
        self._rows[row.name] = row


def _by_shard(rows: Sequence[ImageRow], index: Mapping[str, Entry]) -> dict[str, set[ImageRow]]:
    of_shard: dict[str, set[ImageRow]] = defaultdict(set)
    for row in rows:
        of_shard[index[row.name].shard].add(row)
    return of_shard
