"""Damage to raw archives, as bad disks and broken downloads do it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path


def rewrite(archive: Path, change: Callable[[tarfile.TarInfo, bytes], bytes]) -> None:
    """Write the archive again with the content of its members changed (it may be a read-only link)."""
    mode = ":gz" if archive.suffix == ".gz" else ":"
    stream = io.BytesIO()
    with tarfile.open(archive, f"r{mode}") as old, tarfile.open(fileobj=stream, mode=f"w{mode}") as new:
        for member in old.getmembers():
            content = old.extractfile(member)
            data = change(member, content.read() if content else b"")
            member.size = len(data)
            new.addfile(member, io.BytesIO(data))
    archive.unlink()
    archive.write_bytes(stream.getvalue())


def truncate_member(archive: Path) -> str:
    """Cut the first image of a tar in half; return its name."""
    victims: list[str] = []

    def halve_the_first(member: tarfile.TarInfo, data: bytes) -> bytes:
        if member.isfile() and not victims:
            victims.append(member.name)
            return data[: len(data) // 2]
        return data

    rewrite(archive, halve_the_first)
    return victims[0]


def garble_split_files(archive: Path) -> None:
    """Replace every split file by bytes that are no .mat file."""
    rewrite(archive, lambda _, data: b"not a mat file" * 10 if data else data)
