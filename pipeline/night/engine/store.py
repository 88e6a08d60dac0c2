"""The work store of finished nights: each is made once, and datasets have hard links to it.

    <root>/<recipe digest>/recipe.json                      the recipe in words
    <root>/<recipe digest>/journal.txt                      what is there (see journal.py)
    <root>/<recipe digest>/<2 hex>/<source digest>.jpg

An entry is valid if the journal has a line about it and the file matches that line. Files are written beside
their place and renamed, and the line is written after the file, so a process may be killed at any moment.
Nothing is flushed to the disk, because that would take longer than many translations. So a crash of the
machine can lose recent files, or leave a file of the right size full of zeros. Therefore the line also has
the boot of the machine (the kernel's boot id) in which it was written. In the same boot, size and
modification time are enough to trust a file. In a later boot the content is read once and compared with its
digest, and the line is updated if they match. A changed modification time (somebody wrote through a hard
link, or copied the store) also causes a check of the content.

Workers on other machines write nights beside their places (`write_aside`), into files with unique names, and
the process that has the store open renames them. Their machines may crash independently of this one, whose
boot is recorded, so they flush what they wrote.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Literal

from pipeline.core.files import (
    atomic_write,
    digest_bytes,
    digest_file,
    fsync,
    write_bytes,
    write_json,
)
from pipeline.core.image_formats import decoders
from pipeline.night.engine.journal import Entry, Journal
from pipeline.night.engine.translate_image import Night, Translated, Written
from pipeline.night.records.translator import RECIPE, Recipe
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.process_lock import only_run

JOURNAL = "journal.txt"

# The lock of the process that writes to a recipe's part of the store.
LOCK = "translate"

# The decoder in use; an image that it cannot read may be readable for another.
READER = decoders()

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# "doubtful": the content must be read before the entry may be used.
State = Literal["good", "doubtful", "absent"]


def boot_identity() -> str:
    """The id of this boot of the machine; "?" if unknown, and then every file is checked."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return "?"


class NightStore:
    """The entries of one recipe; see `open_store`. Only the process that opened it writes to it."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder = folder
        self.recipe = recipe
        self._suffix = recipe.output.suffix
        self._prefix = f"{folder}/"
        self._boot = boot_identity()
        self._journal = Journal(folder / JOURNAL, READER)

    def path(self, source: str) -> str:
        """Return the path of the night of `source` (a digest), whether it exists or not."""
        return f"{self._prefix}{_place(source, self._suffix)}"

    def entry(self, source: str) -> Entry | None:
        """Return the journal's entry for the night of `source`, or None; `state` checks it."""
        return self._journal.entries.get(source)

    def failure(self, source: str) -> str | None:
        """Return why the image with this digest has no night, if that is known."""
        return self._journal.failures.get(source)

    def state(self, source: str) -> State:
        """Whether the night of `source` is there, by journal and file status, without reading it."""
        entry = self.entry(source)
        if entry is None:
            return "absent"
        try:
            found = Path(self.path(source)).lstat()
        except OSError:
            return "absent"
        if found.st_size != entry.size:
            return "absent"
        known = entry.boot == "" or (entry.boot == self._boot and self._boot != "?")
        return "good" if known and found.st_mtime_ns == entry.modified else "doubtful"

    def is_whole(self, source: str) -> bool:
        """Read the night of `source` and compare it with its digest; thread-safe."""
        entry = self.entry(source)
        try:
            return entry is not None and digest_file(Path(self.path(source))) == entry.digest
        except OSError:
            return False

    def confirm(self, source: str) -> None:
        """Record that `is_whole` was true for `source`, so that it need not be read again."""
        entry = self._journal.entries[source]
        modified = Path(self.path(source)).stat().st_mtime_ns
        # A changed file may have been changed just now; one from an earlier boot is on the disk.
        boot = self._boot if modified != entry.modified or entry.boot == self._boot else ""
        if (modified, boot) != (entry.modified, entry.boot):
            self._journal.done(source, replace(entry, modified=modified, boot=boot))

    def forget(self, source: str) -> None:
        """Ignore the journal's entry for a night that is missing."""
        self._journal.entries.pop(source, None)

    def put(self, source: str, night: Night) -> Entry:
        """Store the night of `source`, from its bytes or from the file of `write_aside`.

        `DusklineError` if it cannot be written, or that file is missing; then nothing is stored.
        """
        path = Path(self.path(source))
        if isinstance(night, Translated):
            write_bytes(path, night.data)
            size, digest = len(night.data), digest_bytes(night.data)
        else:
            _require_written(night)
            Path(night.path).replace(path)
            size, digest = night.size, night.digest
        modified = path.stat().st_mtime_ns
        entry = Entry(night.width, night.height, size, digest, modified, self._boot)
        self._journal.done(source, entry)
        return entry

    def fail(self, source: str, reason: str) -> None:
        """Record the reason why the image with this digest has no night."""
        self._journal.failed(source, reason)

    def close(self) -> None:
        """Flush and close the journal."""
        self._journal.close()


def write_aside(root: Path, recipe: Recipe, source: str, made: Translated, boot: str) -> Written:
    """Write the night of `source` to a file in the store at `root`, from any process, for a later `put`.

    boot: the boot id of the process that has the store open; on another machine the file is flushed to the
    disk. `DusklineError` if it cannot be written.
    """
    path = root / recipe.digest / _place(source, recipe.output.suffix)
    # A unique name: a network file system may cache that an earlier name was absent.
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    with atomic_write(aside) as stream:
        stream.write(made.data)
        if boot_identity() != boot:
            fsync(stream)
    return Written(str(aside), len(made.data), digest_bytes(made.data), made.width, made.height)


def _require_written(night: Written) -> None:
    aside = Path(night.path)
    found = aside.stat().st_size if aside.is_file() else None
    if found != night.size:
        raise DusklineError(
            f"a worker wrote {aside} with {night.size:,} bytes, but here it"
            f" {'does not exist' if found is None else f'has {found:,}'}",
            hint="put the work store (DUSKLINE_WORK) on storage that all nodes share, at the same path",
        )


def _place(source: str, suffix: str) -> str:
    return f"{source[:2]}/{source}{suffix}"


@contextlib.contextmanager
def open_store(root: Path, recipe: Recipe) -> Iterator[NightStore]:
    """Open a recipe's part of the store at `root` for this process alone.

    Raises `StageRunningError` when another run of the same recipe has it open.
    """
    folder = root / recipe.digest
    with only_run(folder, LOCK):
        sweep(folder)
        if not (folder / RECIPE).is_file():
            write_json(folder / RECIPE, recipe.document())
        store = NightStore(folder, recipe)
        try:
            yield store
        finally:
            store.close()


def sweep(folder: Path) -> None:
    """Remove partial files of a killed run; the caller must have the lock."""
    for place in (folder, *_places(folder)):
        for file in _files(place):
            if file.name.startswith(".") and file.name.endswith(".part"):
                Path(file).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class NightFile:
    """A night in the store: the digest of its source, its bytes, the number of hard links."""

    path: str
    source: str
    size: int
    links: int


def night_files(folder: Path) -> Iterator[NightFile]:
    """Yield every night in a recipe's `folder`, whatever the journal says.

    The caller may remove a night as soon as it is yielded.
    """
    for place in _places(folder):
        for file in _files(place):
            source = file.name.partition(".")[0]
            if len(source) == 64 and file.is_file(follow_symlinks=False):
                found = file.stat(follow_symlinks=False)
                yield NightFile(file.path, source, found.st_size, found.st_nlink)


def _places(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if len(path.name) == 2)


def _files(place: Path) -> list[os.DirEntry[str]]:
    with os.scandir(place) as files:
        return sorted(files, key=attrgetter("name"))
