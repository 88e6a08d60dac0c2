"""Members of tar, tar.gz and zip archives, one after the other, without unpacking anything to disk.

Archives are not trusted: paths that leave the folder, links, devices, sparse files and members that expand to
absurd sizes are rejected by name before a byte of them is used.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from pipeline.runtime.errors import BadArchiveError, MissingInputError

ARCHIVE_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".zip")

# Far more than any image or split file of a known dataset.
LARGEST_MEMBER = 256 << 20
# Images hardly compress, text by 10 or 20; small members are not checked.
LARGEST_RATIO = 200
_SMALL = 4 << 20

_BLOCK = 512
_LARGEST_HEADER = 1 << 20
_ENCRYPTED = 0x1
_PLAIN_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_DAMAGE = (
    OSError,
    EOFError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
)

Wanted = Callable[[str], bool]
Stream = BinaryIO | gzip.GzipFile


@dataclass(frozen=True, slots=True)
class Member:
    """One plain file in an archive.

    name: POSIX path inside the archive. size: bytes when unpacked. read: returns its bytes, at any time, in
    any order and from any thread; raises `BadArchiveError` if they are damaged.
    """

    archive: Path
    name: str
    size: int
    read: Callable[[], bytes]

    @property
    def label(self) -> str:
        """Archive and name, such as `000.tar/000/000123_pitch1_yaw7.jpg`."""
        return f"{self.archive.name}/{self.name}"


def is_archive(path: Path) -> bool:
    """Whether this module reads archives of this name."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def members(archive: Path, wanted: Wanted | None = None) -> Iterator[Member]:
    """Yield the plain files of an archive that are `wanted`, in its order; every member is checked.

    Members of tar and zip are read when `read` is called. Those of a compressed tar are read while the
    archive is passed through, so each one that is wanted stays in memory until the caller drops it.

    Raises `MissingInputError` if there is no such file, and `BadArchiveError`, naming archive and member,
    if it is not an archive, is truncated or damaged, or contains a member that must not be extracted.
    """
    if not archive.is_file():
        raise MissingInputError(f"no such archive: {archive}")
    name = archive.name.lower()
    if name.endswith(".zip"):
        yield from _zip_members(archive, wanted)
    elif name.endswith((".tar.gz", ".tgz")):
        with _damage_named(archive), gzip.open(archive, "rb") as stream:
            yield from _tar_members(archive, stream, wanted)
    elif name.endswith(".tar"):
        with _damage_named(archive), archive.open("rb") as stream:
            yield from _tar_members(archive, stream, wanted)
    else:
        raise BadArchiveError(
            f"{archive} is not an archive that can be read", hint=f"use one of {', '.join(ARCHIVE_SUFFIXES)}"
        )


def member_names(archive: Path) -> list[str]:
    """Return the names of all plain files in their order, without reading them. Errors as `members`."""
    names: list[str] = []

    def note(name: str) -> bool:
        names.append(name)
        return False

    for _ in members(archive, note):
        pass
    return names


class _Headers(io.RawIOBase):
    """The stream that tarfile reads headers from; it remembers the last one.

    tarfile takes a broken header for the end of the archive, and trusts any size that an extended header
    claims.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        # Bytes of the last header that were asked for beyond its first block.
        self._beyond = 0
        self.last = b""

    def read(self, size: int = -1) -> bytes:
        # Since Python 3.14 tarfile reads them in pieces.
        self._beyond = 0 if size == _BLOCK else self._beyond + size
        if not 0 <= self._beyond <= _LARGEST_HEADER:
            raise tarfile.ReadError(f"a header claims to have more than {_LARGEST_HEADER:,} bytes")
        self.last = self._stream.read(size)
        return self.last

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def _tar_members(archive: Path, stream: Stream, wanted: Wanted | None) -> Iterator[Member]:
    """Walk the headers; `stream` only moves forward, because seeking back in a compressed tar is slow."""
    packed = isinstance(stream, gzip.GzipFile)
    size = archive.stat().st_size
    headers = _Headers(stream)
    with tarfile.open(fileobj=headers, mode="r:") as tar:
        while (info := tar.next()) is not None:
            # Otherwise tarfile keeps every header it has read.
            tar.members = []  # type: ignore[attr-defined]
            name = _checked_name(archive, info.name)
            if info.isdir():
                continue
            _check_tar_member(archive, info, size, packed)
            if wanted is not None and not wanted(name):
                continue
            read = partial(_read_at, archive, name, info.offset_data, info.size)
            if packed:
                stream.seek(info.offset_data)
                read = partial(_exactly, stream.read(info.size), info.size, archive, name)
            yield Member(archive, name, info.size, read)
    if headers.last.strip(b"\0") or 0 < len(headers.last) < _BLOCK:
        raise BadArchiveError(
            f"{archive} is truncated or damaged at byte {tar.offset:,}", hint="download it again"
        )
    # Reading to the end makes gzip check its checksum.
    if packed and len(stream.read(_SMALL + 1)) > _SMALL:
        raise BadArchiveError(f"{archive} has megabytes of data after its end mark")


def _check_tar_member(archive: Path, info: tarfile.TarInfo, archive_size: int, packed: bool) -> None:
    if info.issym() or info.islnk():
        raise _hostile(archive, info.name, f"is a link to {info.linkname!r}, not a plain file")
    if info.type not in _PLAIN_TYPES or info.sparse is not None:
        raise _hostile(archive, info.name, "is a device or sparse file, not a plain file")
    _check_size(archive, info.name, info.size)
    end = info.offset_data + info.size
    if packed and end > max(_SMALL, LARGEST_RATIO * archive_size):
        raise _hostile(archive, info.name, f"expands the archive to more than {LARGEST_RATIO} times its size")
    if not packed and end > archive_size:
        raise BadArchiveError(
            f"{archive} is truncated: {info.name} ends at byte {end:,}, the file at {archive_size:,}",
            hint="download it again",
        )


def _zip_members(archive: Path, wanted: Wanted | None) -> Iterator[Member]:
    # Stays open while any of its members can still be read; it closes itself after the last one.
    with _damage_named(archive):
        opened = zipfile.ZipFile(archive)
    lock = Lock()
    for info in opened.infolist():
        name = _checked_name(archive, info.filename)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _hostile(archive, name, "is a link or device, not a plain file")
        if info.is_dir():
            continue
        _check_size(archive, name, info.file_size)
        if info.file_size > max(_SMALL, LARGEST_RATIO * info.compress_size):
            raise _hostile(archive, name, f"expands to more than {LARGEST_RATIO} times its size")
        if info.flag_bits & _ENCRYPTED:
            raise BadArchiveError(f"{archive}: member {name} is encrypted")
        if wanted is None or wanted(name):
            yield Member(archive, name, info.file_size, partial(_read_zipped, opened, info, archive, lock))


def _read_at(archive: Path, name: str, offset: int, size: int) -> bytes:
    with _damage_named(archive, name), archive.open("rb") as stream:
        stream.seek(offset)
        data = stream.read(size)
    return _exactly(data, size, archive, name)


def _read_zipped(opened: zipfile.ZipFile, info: zipfile.ZipInfo, archive: Path, lock: Lock) -> bytes:
    with _damage_named(archive, info.filename):
        # The count of open members is not thread-safe, reading them is.
        with lock:
            stream = opened.open(info)
        try:
            data = stream.read(info.file_size + 1)
        finally:
            with lock:
                stream.close()
    return _exactly(data, info.file_size, archive, info.filename)


def _exactly(data: bytes, size: int, archive: Path, name: str) -> bytes:
    if len(data) != size:
        raise BadArchiveError(
            f"{archive} is truncated: member {name} has {len(data):,} of {size:,} bytes",
            hint="download it again",
        )
    return data


@contextmanager
def _damage_named(archive: Path, name: str = "") -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        which = f"member {name} of {archive}" if name else str(archive)
        raise BadArchiveError(
            f"{which} cannot be read: truncated, damaged or not an archive ({error})",
            hint="check it (a saved error page is not an archive), then download it again",
        ) from error


def _checked_name(archive: Path, name: str) -> str:
    parts = re.split(r"[/\\]", name)
    if not parts[0] or ".." in parts or re.match(r"[A-Za-z]:", name) or "\0" in name:
        raise _hostile(archive, name, "has a path outside the folder it is extracted to")
    return name.removeprefix("./")


def _check_size(archive: Path, name: str, size: int) -> None:
    if size > LARGEST_MEMBER:
        raise _hostile(archive, name, f"has {size:,} bytes, more than the limit of {LARGEST_MEMBER:,}")


def _hostile(archive: Path, name: str, what: str) -> BadArchiveError:
    return BadArchiveError(
        f"{archive}: rejected, because its member {name!r} {what}",
        hint="no published dataset has such an archive; download it from the published address",
    )
