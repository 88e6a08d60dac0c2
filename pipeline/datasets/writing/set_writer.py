"""How datasets are written: image by image, the manifest last; an older one is replaced at the end."""

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
    """Yield a writer whose dataset replaces `root` when the block ends without an error.

    shards_above: a dataset of more images than this is stored as shards; None for never.
    Until then, and if the block fails, an older dataset in `root` stays as it was. Errors as
    `require_replaceable_set`.
    """
    refuse_at(root)
    with files.replaced_folder(root, _is_set, _SET) as beside:
        writer = SetWriter(beside, shards_above)
        yield writer
        writer.finish()


def require_replaceable_set(root: Path) -> None:
    """Raise `SetError` or `UserError` unless `root` can become a dataset: absent, empty, or one already.

    Long runs call it before they begin.
    """
    refuse_at(root)
    files.require_replaceable(root, _is_set, _SET)


def _is_set(root: Path) -> bool:
    return (root / MANIFEST).is_file()


class SetWriter:
    """Writes a dataset into a new or empty folder; it is not complete before `finish`.

    Images are files until the end, and then become shards if there are more than `shards_above`. Images taken
    from the shards of another dataset are read at the end, and shards that are taken completely are linked.
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
        # Rows that are still in the shards of the datasets they were taken from, by the root of that dataset.
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

        Raises `SetError` for a name outside the convention, and for a name that is there already.
        """
        self._take(row)
        files.write_bytes(self.root / row.name, data)

    def link(self, row: ImageRow, file: Path) -> ImageRow:
        """Add `row` by a hard link to `file`, which has its bytes (a copy across file systems)."""
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
        """Add `row`, whose bytes are those of the image with its name in another dataset."""
        if images.index is None:
            return self.link(row, images.path(row))
        self._take(row)
        self._elsewhere.setdefault(images.root, (images, []))[1].append(row)
        return row

    def finish(self) -> ImageSet:
        """Write the shards, if there are any, and the manifest.

        Raises `SetError` for an empty dataset, and for one whose positions have different units or grids.
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
        """Link the shards of which all images are taken unchanged; yield the entries of these images."""
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
