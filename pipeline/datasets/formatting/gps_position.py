"""The position in the GPS part of the EXIF data of an image, or why there is none; nothing is guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags


@dataclass(frozen=True, slots=True)
class _Axis:
    """Latitude or longitude: its tags, its two letters (the second is negative) and its range."""

    name: str
    number: int
    letter: int
    words: tuple[str, str]
    most: int

    @property
    def letters(self) -> str:
        return f"{self.words[0][0]} or {self.words[1][0]}"


_AXES = (
    _Axis("latitude", ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, ("NORTH", "SOUTH"), 90),
    _Axis("longitude", ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, ("EAST", "WEST"), 180),
)

# Datums that differ from WGS 84 by less than two metres, in capitals and digits; a version may follow.
_AS_WGS_84 = (
    *("WGS84", "WGS1984", "EPSG4326", "ITRF", "GRS80"),
    *("JGD2000", "JGD2011", "ETRS89", "NAD83", "GDA2020", "CGCS2000", "SIRGAS2000"),
)


def gps_position(gps: Mapping[int, Any]) -> tuple[float | None, float | None, str]:
    """Latitude and longitude in signed degrees, None if unknown, and what is wrong with them in words.

    gps: the tags of the GPS part; an image without one has no tags, which is not a fault.
    """
    told = [axis for axis in _AXES if axis.number in gps]
    if len(told) == 2 and all(_parts(gps, axis) == [0, 0, 0] for axis in told):
        return None, None, "its GPS position is 0, 0: there was no fix"
    degrees: dict[str, float] = {}
    faults = [f"its GPS has only a {axis.name}" for axis in told if len(told) == 1]
    for axis in told:
        try:
            degrees[axis.name] = _unsigned(_parts(gps, axis), axis) * _sign(gps, axis)
        except ValueError as error:
            faults.append(f"its GPS {axis.name} {error}")
    datum = _text(gps, ExifTags.GPS.GPSMapDatum)
    if told and datum and not re.sub("[^A-Z0-9]", "", datum.upper()).startswith(_AS_WGS_84):
        faults.append(f"its GPS has the datum {datum}, which is not WGS 84")
        return None, None, "; ".join(faults)
    return degrees.get("latitude"), degrees.get("longitude"), "; ".join(faults)


def has_no_valid_fix(gps: Mapping[int, Any]) -> bool:
    """Whether the receiver says so (status V); its position may then be old."""
    return _text(gps, ExifTags.GPS.GPSStatus).upper() == "V"


def _parts(gps: Mapping[int, Any], axis: _Axis) -> list[float]:
    """The numbers of an axis, nan for each value that is not a number."""
    value = gps[axis.number]
    return [_number(part) for part in (value if isinstance(value, tuple | list) else [value])]


def _unsigned(parts: list[float], axis: _Axis) -> float:
    """Degrees of an axis without sign; `ValueError` says why they are invalid."""
    text = ", ".join(f"{part:g}" for part in parts)
    if len(parts) != 3:
        raise ValueError(f"is {text}, not degrees, minutes and seconds")
    if not all(map(math.isfinite, parts)):
        raise ValueError(f"is {text}: not a number (usually 0/0) means that there was no fix")
    if min(parts) < 0:
        raise ValueError(f"is {text}: it has a sign, but a tag must say {axis.letters}")
    degrees, minutes, seconds = parts
    if minutes >= 60 or seconds >= 60:
        raise ValueError(f"is {text}: minutes and seconds must be less than 60")
    if (degrees % 1 and (minutes or seconds)) or (minutes % 1 and seconds):
        raise ValueError(f"is {text}: only the smallest unit may have a fraction")
    value = degrees + minutes / 60 + seconds / 3600
    if value > axis.most:
        raise ValueError(f"is {text}: it must be at most {axis.most} degrees")
    return value


def _sign(gps: Mapping[int, Any], axis: _Axis) -> int:
    """1 for north and east, -1 for south and west; `ValueError` if no tag says which."""
    text = _text(gps, axis.letter)
    if not text:
        raise ValueError(f"has no tag that says {axis.letters}")
    for word, sign in zip(axis.words, (1, -1), strict=True):
        if text.upper() in (word, word[0]):
            return sign
    raise ValueError(f"has a tag that says {text!r}, not {axis.letters}")


def _text(gps: Mapping[int, Any], tag: int) -> str:
    """A tag without surrounding blanks and null characters, "" if there is none."""
    value = gps.get(tag, "")
    return (value.decode("latin-1") if isinstance(value, bytes) else str(value)).strip("\0 ")


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return math.nan
