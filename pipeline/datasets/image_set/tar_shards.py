"""Images as members of uncompressed tar files, for datasets with too many images for separate files.

    <set>/shards/00012.tar       <id>.jpg and <id>.json for each of its images, in the order of their ids
    <set>/shards.csv             name,east,north,shard,offset,size: where the bytes of each image are

The id of a member is a digest of the image's name; it has no dot, because WebDataset cuts names at the first
one. The JSON beside it has the name and all other columns of the manifest. The shard of an image depends only
on its id, and times and owners are not stored: one image more or less changes only one shard.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pipeline.core import files
from pipeline.core.files import digest_bytes
from pipeline.datasets.image_set.image_names import position_of
from pipeline.runtime.errors import DusklineError, SetError

if TYPE_CHECKING:
    from pipeline.datasets.image_set.image_set import ImageRow

SHARDS = "shards"
INDEX = "shards.csv"
# At most so many images per shard on average, and at least half as many: about 60 MB of images of 60 kB.
PER_SHARD = 1024

_HEADER = ("name", "east", "north", "shard", "offset", "size")
_ID_DIGITS = 20
_PREFIX_BITS = 32
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Where the bytes of an image are: `size` bytes of a file from `offset`, None for all."""

    path: str
    offset: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """Read them; `OSError` if the file is missing, fewer bytes if it is cut off."""
        with Path(self.path).open("rb") as stream:
            stream.seek(self.offset)
            return stream.read(-1 if self.size is None else self.size)


@dataclass(frozen=True, slots=True)
class Entry:
    """An image in the index: `shard` is the tar's file name; see `ByteRange`."""

    name: str
    shard: str
    offset: int
    size: int


def member_id(name: str) -> str:
    """The id of the image with this name, 20 hex digits."""
    return digest_bytes(name.encode())[:_ID_DIGITS]


def shard_count(images: int) -> int:
    """The number of shards for so many images: a power of two, so that it seldom changes."""
    count = 1
    while count * PER_SHARD < images:
        count *= 2
    return count


def shard_of(name: str, count: int) -> int:
    """The shard, of `count`, of the image with this name, 0 to count - 1."""
    return (int(member_id(name)[: _PREFIX_BITS // 4], 16) * count) >> _PREFIX_BITS


def pack(
    rows: Iterable[ImageRow], read: Callable[[ImageRow], bytes], folder: Path
) -> Iterator[tuple[ImageRow, Entry]]:
    """Write the shards of `rows` into `folder`; yield each row with its entry. Reads one image at a time.

    `read` returns the bytes of a row. Raises `SetError` if their number is not the size in the row.
    """
    of_shard: dict[int, list[ImageRow]] = defaultdict(list)
    rows = list(rows)
    count = shard_count(len(rows))
    for row in rows:
        of_shard[shard_of(row.name, count)].append(row)
    for number in sorted(of_shard):
        shard = f"{number:05d}.tar"
        with files.atomic_write(folder / shard) as stream:
            for row in sorted(of_shard[number], key=lambda row: member_id(row.name)):
                data = read(row)
                if len(data) != row.size:
                    raise SetError(f"{row.name} has {len(data):,} bytes, its row says {row.size:,}")
                offset = _append(stream, member_id(row.name) + Path(row.name).suffix, data)
                _append(stream, f"{member_id(row.name)}.json", _description(row))
                yield row, Entry(row.name, shard, offset, row.size)
            stream.write(bytes(2 * _BLOCK))


def write_index(root: Path, entries: Iterable[Entry]) -> None:
    """Write the index of a dataset, sorted by name."""
    known = sorted(entries, key=lambda entry: entry.name)
    rows = ((one.name, *position_of(one.name), one.shard, one.offset, one.size) for one in known)
    files.write_csv(root / INDEX, _HEADER, rows)


def read_index(root: Path) -> dict[str, Entry]:
    """Read the index of a dataset; `SetError` if the file is not an index."""
    path = root / INDEX
    entries = {}
    try:
        for _, row in files.read_csv(path, _HEADER):
            name, shard = row["name"], row["shard"]
            if Path(shard).name != shard or not shard.endswith(".tar"):
                raise ValueError(f"{shard!r} is not the name of a shard")
            entries[name] = Entry(name, shard, int(row["offset"]), int(row["size"]))
    except (OSError, ValueError, DusklineError) as error:
        raise SetError(f"{path} is not an index of shards: {error}") from error
    return entries


def compare_shards(root: Path, rows: Iterable[ImageRow], index: Mapping[str, Entry]) -> list[str]:
    """How index and files differ from the manifest, in words; contents are not read."""
    sizes = {entry.name: entry.stat().st_size for entry in _scanned(root / SHARDS)}
    wrong, named, used = [], set(), set()
    for row in rows:
        entry = index.get(row.name)
        named.add(row.name)
        if entry is None:
            wrong.append(f"{row.name} is missing in {INDEX}")
            continue
        used.add(entry.shard)
        if entry.size != row.size:
            wrong.append(f"{row.name} has {entry.size} bytes in {INDEX}, not {row.size}")
        elif entry.shard not in sizes:
            wrong.append(f"{SHARDS}/{entry.shard} is missing, with {row.name}")
        elif entry.offset + entry.size > sizes[entry.shard]:
            wrong.append(f"{SHARDS}/{entry.shard} is cut off before {row.name}")
    wrong += [f"{name} is in {INDEX} but not in the manifest" for name in sorted(index.keys() - named)]
    wrong += [f"{SHARDS}/{name} is not in {INDEX}" for name in sorted(sizes.keys() - used)]
    return wrong


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _description(row: ImageRow) -> bytes:
    east, north = position_of(row.name)
    document = asdict(row) | {"east": east, "north": north}
    if not row.positions_in:
        # Like the manifest, which then has no such column.
        del document["positions_in"]
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def _append(stream: BinaryIO, name: str, data: bytes) -> int:
    """Write a member, and return the offset of its bytes."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    stream.write(member.tobuf(tarfile.USTAR_FORMAT))
    offset = stream.tell()
    stream.write(data)
    stream.write(bytes(-len(data) % _BLOCK))
    return offset
