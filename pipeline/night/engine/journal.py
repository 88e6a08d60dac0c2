"""The journal of a recipe's folder in the work store: which nights were made, which cannot be made and why.

One line for each image, only ever appended; the last line about a source counts. Every line has a checksum
(see checksummed_lines.py), so a line that was not written completely is skipped, and its image is made again.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.files import atomic_write, fsync, unwritten
from pipeline.datasets.writing.checksummed_lines import checked_fields, checked_line

# Outdated lines are dropped when there are this many more of them than of current lines.
_SPARE_LINES = 1000
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished night.

    width, height: pixels. size: bytes. digest: SHA-256 of the bytes. modified: the file's modification time
    in nanoseconds. boot: the boot of the machine in which it was written, "" once it has been verified in a
    later boot.
    """

    width: int
    height: int
    size: int
    digest: str
    modified: int
    boot: str


class Journal:
    """Reads the journal at `path` (missing means empty) and appends to it; `reader` names the decoder in use.

    entries: nights by the digest of their source. failures: reasons by the digest of their source; those of
    another `reader` are left out, because one decoder may read what another cannot.
    """

    def __init__(self, path: Path, reader: str) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        self.failures: dict[str, str] = {}
        self._reader = reader
        lines = self._load()
        if lines > 2 * (len(self.entries) + len(self.failures)) + _SPARE_LINES:
            self._compact()
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._stream = os.open(path, flags, 0o644)
        end = os.lseek(self._stream, 0, os.SEEK_END)
        if end and os.pread(self._stream, 1, end - 1) != b"\n":
            self._append(b"\n")

    def done(self, source: str, entry: Entry) -> None:
        """Record that the night of `source` (a digest) is in its place."""
        self._append(_done_line(source, entry))
        self.failures.pop(source, None)
        self.entries[source] = entry

    def failed(self, source: str, reason: str) -> None:
        """Record that `source` (a digest) can have no night."""
        reason = reason[:_LONGEST_REASON]
        self._append(_failed_line(source, self._reader, reason))
        self.entries.pop(source, None)
        self.failures[source] = reason

    def close(self) -> None:
        """Flush the journal to the disk and close it."""
        os.fsync(self._stream)
        os.close(self._stream)

    def _append(self, line: bytes) -> None:
        try:
            while line:
                # If only a part was written, the next call raises the reason.
                line = line[os.write(self._stream, line) :]
        except OSError as error:
            raise unwritten(self.path, error) from error

    def _load(self) -> int:
        """Read all lines and return how many there are."""
        if not self.path.exists():
            return 0
        lines = 0
        boots: dict[str, str] = {}
        with self.path.open("rb") as stream:
            for line in stream:
                lines += 1
                match checked_fields(line):
                    case ["done", source, width, height, size, digest, modified, boot]:
                        boot = boots.setdefault(boot, boot)
                        entry = Entry(int(width), int(height), int(size), digest, int(modified), boot)
                        self.failures.pop(source, None)
                        self.entries[source] = entry
                    case ["failed", source, reader, reason]:
                        self.entries.pop(source, None)
                        self.failures.pop(source, None)
                        if reader == self._reader:
                            self.failures[source] = json.loads(reason)
        return lines

    def _compact(self) -> None:
        """Rewrite the journal with one line for each image."""
        with atomic_write(self.path) as stream:
            for source, entry in self.entries.items():
                stream.write(_done_line(source, entry))
            for source, reason in self.failures.items():
                stream.write(_failed_line(source, self._reader, reason))
            fsync(stream)


def _done_line(source: str, entry: Entry) -> bytes:
    numbers = (entry.width, entry.height, entry.size)
    return checked_line("done", source, *map(str, numbers), entry.digest, str(entry.modified), entry.boot)


def _failed_line(source: str, reader: str, reason: str) -> bytes:
    return checked_line("failed", source, reader, json.dumps(reason))
