"""Times and sizes for people, in tables and summaries."""

from __future__ import annotations

_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))


def duration(seconds: float) -> str:
    """A time in its two largest units: "0.4 s", "35 s", "2 min 5 s", "3 h 20 min", "2 d 4 h"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, length, lesser, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= length:
            rest = whole % length // part
            return f"{whole // length} {unit}" + (f" {rest} {lesser}" if rest else "")
    return f"{whole} s"


def size(count: float) -> str:
    """A number of bytes in its largest unit, by thousands: "12.3 GB", "640 MB", "4 kB", "0 kB"."""
    for unit, length in _UNITS:
        if count >= length:
            value = count / length
            return f"{value:.1f} {unit}" if value < 99.95 and unit in ("TB", "GB") else f"{value:.0f} {unit}"
    return f"{-(-count // 1000):.0f} kB"
