"""The folders that stages write to: permission, names, links to DVC's cache, and room on their disks."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.doctor.findings import Finding
from pipeline.forecast.disk_need import ASSUMPTIONS, Need, Place
from pipeline.runtime.human_readable import size

# Bytes of the longest name of an image, as the names of the field are built.
_LONGEST_NAME = 255
# With less than this share left over the disk is as good as full.
_TIGHT = 1.2
# Folders shown of those that share a disk.
_SHOWN = 6


@dataclass(frozen=True)
class Folders:
    """Where stages write: the project, its data, DVC's cache, the work store, and the archives."""

    project: Path
    data: Path
    cache: Path
    work: Path
    archives: Path

    def of(self, place: Place) -> Path:
        """The folder of a need."""
        return {
            "archives": self.archives,
            "data": self.data,
            "work": self.work,
            "models": self.project,
        }[place]


def existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there: on its disk it would be made."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def check_permission(folders: Folders) -> Iterator[Finding]:
    """Whether a file can be written into each, by doing it."""
    refused = []
    for folder in (folders.project, folders.data, folders.cache, folders.work):
        try:
            with _probe(existing(folder)):
                pass
        except OSError as error:
            refused.append(f"{folder} ({error.strerror})")
    if refused:
        yield Finding(
            "writing",
            "fault",
            f"cannot write into {', '.join(refused)}",
            "give this user the right to (chown, chmod, or mount it for writing), or free some room",
        )
    else:
        yield Finding("writing", "ok", "the project, data, DVC's cache and the work store can be written to")


def check_names(folders: Folders) -> Iterator[Finding]:
    """Whether the disk of the sets takes the field's long names, and tells small letters from capitals."""
    folder = existing(folders.data)
    stem = f".duskline-{uuid.uuid4().hex[:12]}-"
    # As long as names get, with the signs that they have.
    long = stem + "@-Q" * ((_LONGEST_NAME - len(stem)) // 3)
    try:
        with _probe(folder, long), _probe(folder, f"{stem}a.jpg"):
            same = (folder / f"{stem}A.jpg").exists()
    except OSError as error:
        yield Finding(
            "names",
            "fault",
            f"{folder} refuses a name of {len(long)} letters with @ signs ({error.strerror})",
            "keep the project on a disk of Linux or macOS (ext4, xfs, btrfs, zfs, APFS)",
        )
        return
    if same:
        yield Finding(
            "names",
            "warning",
            f"the disk of {folder} takes a.jpg and A.jpg for one file",
            "names of panoramas differ in such letters: keep sets on a disk that tells them apart",
        )
    else:
        yield Finding(
            "names", "ok", f"files may have names of {len(long)} letters, and a.jpg is another one than A.jpg"
        )


def check_links(folders: Folders, wanted: Sequence[str]) -> Iterator[Finding]:
    """What DVC gets between its cache and the workspace, by linking a real file; `wanted`: its cache.type."""
    cache, data = existing(folders.cache), existing(folders.data)
    if "hardlink" not in wanted:
        yield Finding(
            "links",
            "warning",
            f"DVC's cache.type is {', '.join(wanted) or 'not set'}: all lies on disk twice",
            "dvc config cache.type hardlink,copy",
        )
    elif can_link(cache, data):
        yield Finding("links", "ok", f"hard links between DVC's cache ({folders.cache}) and {folders.data}")
    else:
        apart = cache.stat().st_dev != data.stat().st_dev
        why = "it is on another disk" if apart else "this disk has no hard links, or forbids them here"
        yield Finding(
            "links",
            "warning",
            f"no hard links between DVC's cache ({folders.cache}) and {folders.data}, for {why}:"
            " DVC copies, and everything lies on disk twice",
            "move the cache onto the disk of the project: dvc cache dir --local FOLDER",
        )


def can_link(one: Path, other: Path) -> bool:
    """Whether a file in one folder can have a second name in the other."""
    second = other / f".duskline-{uuid.uuid4().hex[:12]}-link"
    try:
        with _probe(one) as first:
            os.link(first, second)
            return first.samefile(second)
    except OSError:
        return False
    finally:
        with contextlib.suppress(OSError):
            second.unlink()


@contextlib.contextmanager
def _probe(folder: Path, name: str = "") -> Iterator[Path]:
    """A file of a few bytes for the length of the block."""
    path = folder / (name or f".duskline-{uuid.uuid4().hex[:12]}-probe")
    path.write_bytes(b"duskline doctor\n")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def check_room(folders: Folders, needs: Sequence[Need], unknown: Sequence[str]) -> Iterator[Finding]:
    """Each disk that stages write to: what it will get, and what is free."""
    by_disk = _needs_by_disk(folders, needs)
    shown: dict[int, list[Path]] = defaultdict(list)
    for folder in (folders.project, folders.data, folders.cache, folders.work, folders.archives):
        shown[existing(folder).stat().st_dev].append(folder)
    for disk, there in shown.items():
        free = shutil.disk_usage(existing(there[0])).free
        needed = sum(by_disk[disk].values())
        largest = sorted(by_disk[disk].items(), key=lambda pair: -pair[1])
        parts = ", ".join(f"{what} {size(amount)}" for what, amount in largest[:_SHOWN])
        where = ", ".join(map(str, there))
        words = f"{where}: about {size(needed)} to come, {size(free)} free" + (f" ({parts})" if parts else "")
        advice = (
            "free some room, or move DVC's cache, DUSKLINE_WORK or DUSKLINE_ARCHIVES to another disk; "
            + ASSUMPTIONS
        )
        if needed > free:
            yield Finding("disk", "fault", words, advice)
        elif needed and free < _TIGHT * needed:
            yield Finding("disk", "warning", words, advice)
        else:
            yield Finding("disk", "ok", words)
    if unknown:
        yield Finding("disk", "note", f"not counted, as their size is not known: {', '.join(unknown)}")
    elif needs:
        yield Finding("disk", "note", ASSUMPTIONS)


def _needs_by_disk(folders: Folders, needs: Sequence[Need]) -> Mapping[int, dict[str, int]]:
    """Bytes by disk and by what they are; with copies where files cannot be linked."""
    by_disk: dict[int, dict[str, int]] = defaultdict(dict)

    def add(folder: Path, what: str, amount: int) -> None:
        of_disk = by_disk[existing(folder).stat().st_dev]
        of_disk[what] = of_disk.get(what, 0) + amount

    links: dict[tuple[Path, Path], bool] = {}

    def linked(one: Path, other: Path) -> bool:
        pair = existing(one), existing(other)
        if pair not in links:
            links[pair] = can_link(*pair)
        return links[pair]

    for need in needs:
        folder = folders.of(need.place)
        add(folder, need.what, need.size)
        if need.linked and need.place != "data" and not linked(folder, folders.data):
            add(folders.data, f"copies of {need.what}", need.size)
        if need.shared and not linked(folders.cache, folders.data):
            add(folders.cache, "copies in DVC's cache", need.size)
    return by_disk
