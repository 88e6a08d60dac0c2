"""Lines that tell whether they were written whole, for files that are only ever added to.

Each ends with a checksum of itself, so one that a kill, a full disk or a crash of the machine left torn or
filled with zeros is skipped.
"""

from __future__ import annotations

import zlib


def checked_line(*fields: str) -> bytes:
    """One line of `fields`, which may hold neither tabs nor line ends."""
    text = "\t".join(fields).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def checked_fields(line: bytes) -> list[str]:
    """Return the fields of a line, or none when it is not one that was written whole."""
    text, tab, checksum = line.removesuffix(b"\n").rpartition(b"\t")
    if not tab or checksum != b"%08x" % zlib.crc32(text):
        return []
    return text.decode().split("\t")
