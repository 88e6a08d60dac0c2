"""What a photograph file says of itself without being decoded: position, direction, date, and its coding."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import ExifTags

from pipeline.core.image_formats import opened
from pipeline.datasets.formatting.gps_position import gps_position

# YYYY, then optionally month, day, and a time, with any of the usual separators (EXIF, ISO 8601, the names).
_DATE = re.compile(
    r"(\d{4})(?:[-:/.]?(\d\d)(?:[-:/.]?(\d\d)(?:[ T_]?(\d\d)(?::?(\d\d)(?::?(\d\d))?)?)?)?)?"
    r"(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"
)

# Least values of month, day, hour, minute, second.
_LEAST = (1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a picture file.

    plain: whether it is an upright baseline RGB JPEG, whose bytes can go into a set as they are.
    latitude, longitude: WGS 84 degrees, None where GPS does not tell them. heading: degrees clockwise from
    north, None when unknown. date: as the names write it (YYYYMMDD_hhmmss), "" when unknown. gps_fault: what
    is wrong with its GPS, in words.
    """

    plain: bool
    latitude: float | None
    longitude: float | None
    heading: float | None
    date: str
    gps_fault: str = ""


def read_header(path: Path) -> Header:
    """Read the head of a picture; pixels are not decoded. Errors as `opened`."""
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
        heading=_number(gps.get(ExifTags.GPS.GPSImgDirection)),
        date=_camera_date(taken),
        gps_fault=gps_fault,
    )


def date_in_name(text: str) -> str:
    """Write a date as the names do: YYYY[MM[DD[_hh[mm[ss]]]]]; "" stays "". `ValueError` for no date."""
    text = text.strip()
    if not text:
        return ""
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no date (expected such as 2019-05-31 or 2019:05:31 14:30:00)")
    year, *rest = found.groups()
    parts = [part for part in rest if part is not None]
    month, day, hour, minute, second = (int(part or least) for part, least in zip(rest, _LEAST, strict=True))
    try:
        # A leap second is written as 60.
        datetime(int(year), month, day, hour, minute, second - (second == 60))
    except ValueError as error:
        raise ValueError(f"{text!r} is no date: {error}") from error
    return year + "".join(parts[:2]) + ("_" + "".join(parts[2:]) if len(parts) > 2 else "")


def _camera_date(value: object) -> str:
    """The date in a picture's head; cameras whose clock was never set write blanks or zeros: none."""
    try:
        return date_in_name(str(value).strip("\0 "))
    except ValueError:
        return ""


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if math.isfinite(number) else None
