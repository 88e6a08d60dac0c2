"""Images as members of uncompressed tar files, for sets with too many images to be files of their own.

    <set>/shards/00012.tar       <id>.jpg and <id>.json for each of its images, in the order of their ids
    <set>/shards.csv             name,east,north,shard,offset,size: where each image's bytes lie

A member's id is a digest of the image's name, without a dot, for WebDataset cuts names at the first one; the
JSON beside it has the name and all else that the manifest knows. Which shard an image is in depends on its id
alone, and neither times nor owners are kept: with an image more or less, one shard has other bytes.
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
# Images of a shard, on average at least half as many: some 60 MB of images of 60 kB.
PER_SHARD = 1024

_HEADER = ("name", "east", "north", "shard", "offset", "size")
_ID_DIGITS = 20
_PREFIX_BITS = 32
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Where the bytes of an image lie: so many of a file from `offset` on, None for all of them."""

    path: str
    offset: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """Read them; `OSError` when the file is gone, fewer bytes when it is cut off."""
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
    """The id of the image of that name, 20 hex digits."""
    return digest_bytes(name.encode())[:_ID_DIGITS]


def shard_count(images: int) -> int:
    """In how many shards so many images are kept: a power of two, so that it seldom changes."""
    count = 1
    while count * PER_SHARD < images:
        count *= 2
    return count


def shard_of(name: str, count: int) -> int:
    """Which of `count` shards holds the image of that name, 0 to count - 1."""
    return (int(member_id(name)[: _PREFIX_BITS // 4], 16) * count) >> _PREFIX_BITS


def pack(
    rows: Iterable[ImageRow], read: Callable[[ImageRow], bytes], folder: Path
) -> Iterator[tuple[ImageRow, Entry]]:
    """Write the shards of `rows` into `folder`; yield each row with its entry. One image is held at a time.

    `read` gives a row's bytes. `SetError` when they are not as many as the row says.
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
    """Write the index of a set, in the order of names."""
    known = sorted(entries, key=lambda entry: entry.name)
    rows = ((one.name, *position_of(one.name), one.shard, one.offset, one.size) for one in known)
    files.write_csv(root / INDEX, _HEADER, rows)


def read_index(root: Path) -> dict[str, Entry]:
    """Read the index of a set; `SetError` when it is not an index."""
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
    """What of the index and of the files is not as the manifest says, in words; contents are not read."""
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
        # As the manifest, which has no such column then.
        del document["positions_in"]
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode()


def _append(stream: BinaryIO, name: str, data: bytes) -> int:
    """Write a member, and return where its bytes begin."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    member.mode = 0o644
    stream.write(member.tobuf(tarfile.USTAR_FORMAT))
    offset = stream.tell()
    stream.write(data)
    stream.write(bytes(-len(data) % _BLOCK))
    return offset
