"""Lines with a checksum, for files that only grow.

A line that a kill, a full disk or a crash of the machine has cut off or filled with zeros is skipped.
"""

from __future__ import annotations

import zlib


def checked_line(*fields: str) -> bytes:
    """One line of `fields`, which may contain neither tabs nor line ends."""
    text = "\t".join(fields).encode()
    return b"%s\t%08x\n" % (text, zlib.crc32(text))


def checked_fields(line: bytes) -> list[str]:
    """Return the fields of a line, none if it is not complete."""
    text, tab, checksum = line.removesuffix(b"\n").rpartition(b"\t")
    if not tab or checksum != b"%08x" % zlib.crc32(text):
        return []
    return text.decode().split("\t")
