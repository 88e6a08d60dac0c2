"""The work store of finished nights: each is made once, and set after set takes hard links of it.

    <root>/<recipe digest>/recipe.json                      the recipe in words
    <root>/<recipe digest>/journal.txt                      what is there (see journal.py)
    <root>/<recipe digest>/<2 hex>/<source digest>.jpg

An entry counts when the journal has a line about it and the file still is what that line says. Files are
written beside and renamed, and the line follows the file, so that a process may be killed at any moment.
Nothing is flushed to the disk for it, as that would cost more than many a translation. A crash of the machine
can therefore lose what was written shortly before, or leave a file of the right size full of zeros. So the
line also says in which run of the machine (the kernel's boot identity) it was written: within that run the
file is what was written, and size and time of change prove it cheaply. In a later run the content is read and
compared with its digest once, and what stands that test is noted as being on the disk for good. A time of
change other than noted (somebody wrote through a hard link, or copied the store) also makes for a reading.

Workers on other machines write their nights beside the places themselves (`write_aside`), into files that
nobody else knows, and the one process that has the store open renames them. Their machines may crash in
another hour than this one, whose boot identity is noted, so they flush what they wrote.
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

# Held by who writes to a recipe's part of the store.
LOCK = "translate"

# The decoder that found an image bad; another one may read it.
READER = decoders()

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# "doubtful": the content must be read before the entry may be used.
State = Literal["good", "doubtful", "absent"]


def boot_identity() -> str:
    """Name this run of the machine's kernel; "?" where it has no name, and then nothing is taken on trust."""
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
        """Return the file of the night of `source` (a digest), whether it is there or not."""
        return f"{self._prefix}{_place(source, self._suffix)}"

    def entry(self, source: str) -> Entry | None:
        """Return what the journal says of the night of `source`, or None; `state` tells whether it holds."""
        return self._journal.entries.get(source)

    def failure(self, source: str) -> str | None:
        """Return why the image with this digest has no night, if that is known."""
        return self._journal.failures.get(source)

    def state(self, source: str) -> State:
        """Tell from journal and directory, without reading, whether the night of `source` is there."""
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
        """Read the night of `source` and hold it against its digest; safe in threads."""
        entry = self.entry(source)
        try:
            return entry is not None and digest_file(Path(self.path(source))) == entry.digest
        except OSError:
            return False

    def confirm(self, source: str) -> None:
        """Note that `is_whole` held for `source`, so that it need not be read again."""
        entry = self._journal.entries[source]
        modified = Path(self.path(source)).stat().st_mtime_ns
        # A file that was changed may have been changed a moment ago; one from an earlier run was on the disk.
        boot = self._boot if modified != entry.modified or entry.boot == self._boot else ""
        if (modified, boot) != (entry.modified, entry.boot):
            self._journal.done(source, replace(entry, modified=modified, boot=boot))

    def forget(self, source: str) -> None:
        """Take no more notice of what the journal says about a night that is not there."""
        self._journal.entries.pop(source, None)

    def put(self, source: str, night: Night) -> Entry:
        """Keep the night of `source`, by its bytes or from where `write_aside` has written them.

        `DusklineError` when it cannot be written, or is not where it was written; then nothing is kept.
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
        """Keep the reason why the image with this digest has no night."""
        self._journal.failed(source, reason)

    def close(self) -> None:
        """Bring the journal to the disk."""
        self._journal.close()


def write_aside(root: Path, recipe: Recipe, source: str, made: Translated, boot: str) -> Written:
    """Write the night of `source` into the store at `root`, for who has it open to `put`; from any process.

    boot: the boot identity of that one; a file that is written on another machine is flushed to the disk.
    `DusklineError` when it cannot be written.
    """
    path = root / recipe.digest / _place(source, recipe.output.suffix)
    # A name that nobody has asked for before: a network's file system may go on saying that it is absent.
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
    """Remove what a killed run was writing; for who holds the lock."""
    for place in (folder, *_places(folder)):
        for file in _files(place):
            if file.name.startswith(".") and file.name.endswith(".part"):
                Path(file).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class NightFile:
    """A night that is in the store: the digest of its source, its bytes, how many names its file has."""

    path: str
    source: str
    size: int
    links: int


def night_files(folder: Path) -> Iterator[NightFile]:
    """Yield every night that is in a recipe's `folder`, whatever the journal says of it.

    One that was yielded may be removed at once.
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
