"""Checks the folders that stages write to: permissions, names, links to DVC's cache, free space."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from pipeline.doctor.findings import Finding, fault, note, ok, warning
from pipeline.forecast.disk_need import ASSUMPTIONS, Need
from pipeline.runtime.human_readable import size

# Bytes of the longest name of an image, and the end of such a name with its special characters.
_LONGEST_NAME, _LONG_NAME = 255, "@-Q" * 75
# Below this ratio of free to needed space there is a warning.
_TIGHT = 1.2
# Number of needs shown for each disk.
_SHOWN = 6


@dataclass(frozen=True)
class Folders:
    """Where stages write: the project, its data, DVC's cache, the work store, and the archives."""

    project: Path
    data: Path
    cache: Path
    work: Path
    archives: Path


def existing(folder: Path) -> Path:
    """The folder, or its nearest existing parent, on whose disk it would be made."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def check_writing(folders: Folders) -> Iterator[Finding]:
    """Write a test file into each folder; for datasets one with a long name as in published datasets."""
    refused, same = [], False
    for folder in (folders.project, folders.data, folders.cache, folders.work):
        try:
            with _probe(existing(folder), _LONG_NAME if folder == folders.data else "") as path:
                same |= path.with_name(path.name.swapcase()).exists()
        except OSError as error:
            refused.append(f"{folder} ({error.strerror})")
    if refused:
        yield fault(
            f"cannot write into {', '.join(refused)}",
            "allow this user to write there (chown, chmod, or mount it for writing), free some space, or move"
            f" the project to a disk that takes names of {_LONGEST_NAME} bytes (ext4, xfs, btrfs, zfs, APFS)",
        )
    elif same:
        yield warning(
            "on this disk a.jpg and A.jpg are the same file",
            "names of panoramas may differ only in case: keep datasets on a case-sensitive disk",
        )
    else:
        yield ok("the project, data, DVC's cache and the work store are writable")


def check_links(folders: Folders, wanted: Sequence[str]) -> Iterator[Finding]:
    """Whether DVC can link from its cache to the workspace, with a real file; `wanted`: its cache.type."""
    between = f"between DVC's cache ({folders.cache}) and {folders.data}"
    if "hardlink" not in wanted:
        yield warning(
            f"DVC's cache.type is {', '.join(wanted) or 'not set'}: every file is on disk twice",
            "dvc config cache.type hardlink,copy",
        )
    elif can_link(folders.cache, folders.data):
        yield ok(f"hard links {between}")
    else:
        apart = existing(folders.cache).stat().st_dev != existing(folders.data).stat().st_dev
        why = "they are on two disks" if apart else "this disk has no hard links, or forbids them here"
        yield warning(
            f"no hard links {between}, because {why}: DVC copies, and every file is on disk twice",
            "move the cache onto the disk of the project: dvc cache dir --local FOLDER",
        )


def can_link(one: Path, other: Path) -> bool:
    """Whether hard links work between two folders, existing or not yet made."""
    second = existing(other) / f".duskline-{uuid.uuid4().hex[:12]}-link"
    try:
        with _probe(existing(one)) as first:
            os.link(first, second)
            return first.samefile(second)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            second.unlink()


@contextlib.contextmanager
def _probe(folder: Path, name: str = "") -> Iterator[Path]:
    """A file of a few bytes that exists during the block."""
    path = folder / f".duskline-{uuid.uuid4().hex[:12]}-probe{name}"
    path.write_bytes(b"duskline doctor\n")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def check_room(folders: Folders, needs: Sequence[Need]) -> Iterator[Finding]:
    """Each disk that stages write to: space needed, and space free."""
    by_disk = _needs_by_disk(folders, needs)
    sharing: dict[int, list[Path]] = defaultdict(list)
    for folder in astuple(folders):
        sharing[_disk_of(folder)].append(folder)
    for disk, there in sharing.items():
        free = shutil.disk_usage(existing(there[0])).free
        needed = by_disk[disk].total()
        parts = ", ".join(f"{what} {size(amount)}" for what, amount in by_disk[disk].most_common(_SHOWN))
        where = ", ".join(map(str, there))
        words = f"{where}: about {size(needed)} needed, {size(free)} free" + (f" ({parts})" if parts else "")
        if not needed or free >= _TIGHT * needed:
            yield ok(words)
        else:
            yield (fault if needed > free else warning)(
                words,
                "free some space, or move DVC's cache, DUSKLINE_WORK or DUSKLINE_ARCHIVES to another disk; "
                + ASSUMPTIONS,
            )
    unknown = [need.what for need in needs if need.size is None]
    if unknown:
        yield note(f"not counted, because their size is unknown: {', '.join(unknown)}")
    elif needs:
        yield note(ASSUMPTIONS)


def _needs_by_disk(folders: Folders, needs: Sequence[Need]) -> dict[int, Counter[str]]:
    """Bytes by disk and by purpose, with copies where files cannot be linked."""
    by_disk: dict[int, Counter[str]] = defaultdict(Counter)
    linked = {folder: can_link(folder, folders.data) for folder in (folders.cache, folders.work)}
    for need in needs:
        if need.size is None:
            continue
        folder = getattr(folders, need.place)
        by_disk[_disk_of(folder)][need.what] += need.size
        if need.shared and not linked.get(folder, True):
            by_disk[_disk_of(folders.data)][f"copies of {need.what}"] += need.size
        if need.shared and not linked[folders.cache]:
            by_disk[_disk_of(folders.cache)]["copies in DVC's cache"] += need.size
    return by_disk


def _disk_of(folder: Path) -> int:
    return existing(folder).stat().st_dev
