"""Metadata of a photograph, read without decoding its pixels: position, heading, date, and encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ExifTags

from pipeline.core.image_formats import opened
from pipeline.datasets.formatting.gps_position import gps_position, has_no_valid_fix

# YYYY, then optionally month, day, and a time, with any of the usual separators (EXIF, ISO 8601, the names).
# Six digits may be a short date, ten the seconds since 1970: both are rejected.
_DATE = re.compile(
    r"(?=(?:\d{4}|\d{8}|\d{12}|\d{14})(?!\d))"
    r"(\d{4})(?:[-:/.]?(\d\d)(?:[-:/.]?(\d\d)"
    r"(?:[ T_]?(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)?)?)?",
    re.ASCII,
)
# Of the first photograph.
_FIRST_YEAR = 1826

# Least values of month, day, hour, minute, second.
_LEAST = (1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Header:
    """The header of an image file.

    plain: whether it is an upright baseline RGB JPEG, whose bytes can go into a dataset unchanged.
    latitude, longitude: WGS 84 degrees, None if GPS does not say them. heading: degrees clockwise from
    north, 0 to 360 without 360, None if unknown. date: as the names write it (YYYYMMDD_hhmmss), "" if
    unknown. gps_fault: what is wrong with its GPS, in words. has_no_valid_fix: see `gps_position`.
    """

    plain: bool
    latitude: float | None
    longitude: float | None
    heading: float | None
    date: str
    gps_fault: str = ""
    has_no_valid_fix: bool = False


def read_header(path: Path) -> Header:
    """Read the header of an image; pixels are not decoded. Errors as `opened`."""
    with opened(path) as image:
        exif = image.getexif()
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        details = exif.get_ifd(ExifTags.IFD.Exif)
        upright = exif.get(ExifTags.Base.Orientation, 1) in (0, 1)
        plain = image.format == "JPEG" and image.mode == "RGB" and not image.info.get("progressive")
        taken = details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime, "")
    latitude, longitude, gps_fault = gps_position(gps)
    return Header(
        plain=plain and upright,
        latitude=latitude,
        longitude=longitude,
        heading=_camera_direction(gps.get(ExifTags.GPS.GPSImgDirection)),
        date=_camera_date(taken),
        gps_fault=gps_fault,
        has_no_valid_fix=has_no_valid_fix(gps),
    )


def date_in_name(text: str) -> str:
    """Write a date as the names do: YYYY[MM[DD[_hh[mm[ss]]]]]; "" stays "". `ValueError` for no date."""
    text = text.strip()
    if not text:
        return ""
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a date (expected one such as 2019-05-31 or 2019:05:31 14:30:00)")
    year, *rest = found.groups()
    parts = [part for part in rest if part is not None]
    month, day, hour, minute, second = (int(part or least) for part, least in zip(rest, _LEAST, strict=True))
    try:
        # A leap second is written as 60.
        datetime(int(year), month, day, hour, minute, second - (second == 60))
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date: {error}") from error
    if int(year) < _FIRST_YEAR:
        raise ValueError(f"{text!r} is not a date: there were no photographs before {_FIRST_YEAR}")
    return year + "".join(parts[:2]) + ("_" + "".join(parts[2:]) if len(parts) > 2 else "")


def direction(degrees: float) -> float:
    """Degrees clockwise from north, 0 to 360, as the names write them: 360 is 0. `ValueError` for others."""
    if not 0 <= degrees <= 360:
        raise ValueError(f"heading {degrees:g} is not between 0 and 360")
    return degrees % 360


def _camera_date(value: object) -> str:
    """The date in the header of an image; "" for blanks and zeros, which a clock that is not set gives."""
    try:
        return date_in_name(str(value).strip("\0 "))
    except ValueError:
        return ""


def _camera_direction(value: object) -> float | None:
    """The heading in the header of an image; an invalid one counts as unknown."""
    try:
        return direction(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
