"""Memory of the machine: how much this process may use, and keeping freed memory for reuse."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# Parameters of glibc's mallopt.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4

_MEMINFO = Path("/proc/meminfo")
_OWN_PAGES = Path("/proc/self/statm")
_OWN_GROUP = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")
# By version of the control groups: the files with limit and use, and the field of memory.stat that can be
# freed.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def keep_freed_memory() -> None:
    """Let this process keep freed memory for its next allocation (glibc; elsewhere it does nothing).

    By default each large tensor is new memory from the kernel, which fills it with zeros page by page. In a
    network's cheap layers (norms, pads, sums) that takes 4 to 10 times as long as the computation.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def available_memory() -> int | None:
    """Bytes that this process and its children may still use; None if unknown.

    The minimum of what the kernel calls available and of what the limits of the control groups (of a
    container or batch job) leave.
    """
    known = [room for room in (_of_the_machine(), *_of_the_groups()) if room is not None]
    return max(0, min(known)) if known else None


def _of_the_machine() -> int | None:
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _of_the_groups() -> list[int | None]:
    """Room in this process's control group and in each above it, where groups have memory limits."""
    try:
        lines = _OWN_GROUP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    rooms = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        version = 1 if "memory" in controllers.split(",") else 2 if not controllers else 0
        if version:
            root = _GROUPS / "memory" if version == 1 else _GROUPS
            own = root / path.lstrip("/")
            rooms += [_room(group, version) for group in (own, *own.parents) if group.is_relative_to(root)]
    return rooms


def _room(group: Path, version: int) -> int | None:
    limit, used, droppable = _FILES[version]
    try:
        text = (group / limit).read_text(encoding="ascii").strip()
        if text == "max":
            return None
        stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        # File pages that the kernel drops first count as used, but are free in practice.
        return int(text) - int((group / used).read_text(encoding="ascii")) + int(stat.get(droppable, 0))
    except (OSError, ValueError):
        return None


class _MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`; `fordblks` counts the bytes that were freed and kept."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def kept_memory() -> int:
    """Bytes that this process has freed and kept for its next allocation; 0 if unknown."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return 0
    mallinfo2.restype = _MallInfo
    return int(mallinfo2().fordblks)


def resident_memory() -> int:
    """Bytes of memory that this process uses; 0 if unknown."""
    try:
        return int(_OWN_PAGES.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
