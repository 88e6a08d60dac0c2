"""How sets are written: image by image, manifest last, in the place of an older set when complete."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import MissingInputError, NameFormatError, SetError
from pipeline.datasets.image_set import MANIFEST, ImageRow, ImageSet, check_row, manifest_bytes, refuse_at

_SET = "an image set"


@contextlib.contextmanager
def replaced_set(root: Path) -> Iterator[SetWriter]:
    """Give a writer whose set takes the place of `root` when the block ends well, manifest and all.

    Until then, and if the block fails, an older set in `root` stays as it was. Errors as
    `require_replaceable_set`.
    """
    refuse_at(root)
    with files.replaced_folder(root, _is_set, _SET) as beside:
        writer = SetWriter(beside)
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
    """Writes a set into a new or empty folder; nobody takes it for complete before `finish`."""

    def __init__(self, root: Path) -> None:
        refuse_at(root)
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise SetError(
                f"a set is written into a new or empty folder, and {root} is not",
                hint="remove it or give another folder",
            )
        self.root = root
        self._rows: dict[str, ImageRow] = {}

    def add(
        self, name: str, data: bytes, *, source: str, width: int, height: int, time_of_day: str = ""
    ) -> ImageRow:
        """Write one image; `name` is `images/<split>/<role>/<file name>`, `source` says where it came from.

        Raises `SetError` for a name outside the convention and for one that was already given.
        """
        row = ImageRow(name, source, files.digest_bytes(data), len(data), width, height, time_of_day)
        self._take(row)
        files.write_bytes(self.root / name, data)
        return row

    def link(self, row: ImageRow, file: Path) -> ImageRow:
        """Add `row`, whose bytes `file` holds, by a hard link (a copy across file systems)."""
        try:
            size = file.stat().st_size
        except OSError as error:
            raise MissingInputError(f"no such file: {file}") from error
        if size != row.size:
            raise SetError(f"{file} has {size} bytes, its row {row.name} says {row.size}")
        self._take(row)
        files.link(file, self.root / row.name)
        return row

    def finish(self) -> ImageSet:
        """Write the manifest and return the set; an empty one is refused."""
        if not self._rows:
            raise SetError(f"no images for the set {self.root}")
        rows = tuple(self._rows[name] for name in sorted(self._rows))
        data = manifest_bytes(rows)
        files.write_bytes(self.root / MANIFEST, data)
        return ImageSet(self.root, rows, files.digest_bytes(data))

    def _take(self, row: ImageRow) -> None:
        try:
            check_row(row)
        except (NameFormatError, ValueError) as error:
            raise SetError(f"cannot take {row.name!r} (from {row.source}): {error}") from error
        known = self._rows.get(row.name)
        if known is not None:
            raise SetError(
                f"two images with the name {row.name}: from {known.source} and from {row.source}",
                hint="one is a copy of the other, or positions and labels do not tell them apart",
            )
        self._rows[row.name] = row
