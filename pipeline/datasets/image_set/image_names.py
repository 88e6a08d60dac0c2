"""File names that contain positions: the convention that VPR code bases share.

    @easting@northing@zone@letter@latitude@longitude@pano_id@tile_num
        @heading@pitch@roll@height@timestamp@note@.jpg                    (as one word)

It is that of VPR-datasets-downloader. Programs take `path.split("@")[1:3]` of the whole path as UTM metres,
so no parent folder and no field may contain an `@`. The night of `...@note@.jpg` is `...@note@n.jpg`.
"""

from __future__ import annotations

import math
import re
from dataclasses import astuple, dataclass, fields, replace
from pathlib import PurePath

import utm

from pipeline.datasets.image_set.utm_grid import UtmGrid
from pipeline.runtime.errors import NameFormatError

NIGHT_MARK = "n"

# Digits before the point (the sign takes one of them) and after it.
_EASTING = _NORTHING = (7, 2)
_LATITUDE = (3, 5)
_LONGITUDE = (4, 5)

# Only the numbers of digits are checked, as in the published code: `$` accepts one line end, `\d` the digits
# of any script, and a thirteenth month is no error.
_TIMESTAMP = re.compile(r"^(\d{4}(\d{2}(\d{2}(_\d{2}(\d{2}(\d{2})?)?)?)?)?)?$")

_LONGEST_FILE_NAME = 255


@dataclass(frozen=True, slots=True)
class ImageName:
    """The fields of one name as text; absent ones are empty.

    They are kept as text, so that a name that was read is written again unchanged. utm_easting and
    utm_northing are metres (two decimals), latitude and longitude degrees (five decimals), heading and pitch
    whole degrees; roll and height are always empty in names made here. extension is what follows the last
    `@`: `.jpg`, or `n.jpg` for a synthetic night.
    """

    utm_easting: str
    utm_northing: str
    utm_zone_number: str = ""
    utm_zone_letter: str = ""
    latitude: str = ""
    longitude: str = ""
    pano_id: str = ""
    tile_num: str = ""
    heading: str = ""
    pitch: str = ""
    roll: str = ""
    height: str = ""
    timestamp: str = ""
    note: str = ""
    extension: str = ".jpg"

    def __post_init__(self) -> None:
        for field in fields(self):
            text = getattr(self, field.name)
            if "@" in text or "/" in text or "\0" in text:
                raise NameFormatError(
                    f"{field.name} of an image name may not contain '@', '/' or a null character: {text!r}",
                    hint="programs split the whole path at '@'; use another text",
                )
        _metres(self.utm_easting, "field 1 (easting)", self.utm_easting)
        _metres(self.utm_northing, "field 2 (northing)", self.utm_northing)

    @property
    def east(self) -> float:
        """UTM easting in metres."""
        return float(self.utm_easting)

    @property
    def north(self) -> float:
        """UTM northing in metres."""
        return float(self.utm_northing)

    def encode(self) -> str:
        """Return the file name; `NameFormatError` if it is longer than file systems allow."""
        name = "@" + "@".join(astuple(self))
        if len(name.encode("utf-8")) > _LONGEST_FILE_NAME:
            raise NameFormatError(f"image name longer than {_LONGEST_FILE_NAME} bytes: {name!r}")
        return name

    @classmethod
    def parse(cls, path: str | PurePath) -> ImageName:
        """Read a file name or a path; every field is kept as text.

        Raises `NameFormatError` if there are not exactly fifteen fields, if the first two are not numbers, or
        if a parent folder contains an `@` (programs would take parts of it for the position).
        """
        text = str(path)
        folder, _, file_name = text.rpartition("/")
        if "@" in folder:
            raise NameFormatError(
                f"a parent folder of the image contains '@': {text!r}",
                hint="programs split the whole path at '@'; rename the folder",
            )
        before, *values = file_name.split("@")
        if before or len(values) != len(fields(cls)):
            raise NameFormatError(
                f"expected a name of {len(fields(cls))} fields, each after an '@', found "
                f"{len(values)} in {file_name!r}"
            )
        return cls(*values)


@dataclass(frozen=True, slots=True)
class Details:
    """What a name can say besides the position; numbers may be given as text.

    pano_id: the panorama (None becomes the word None, as in the published names; "" for an empty field).
    tile_num, heading, pitch: cut towards zero to whole numbers; None for an empty field.
    roll, height: the convention has the fields but no format for them; must be None.
    timestamp: YYYY[MM[DD[_hh[mm[ss]]]]]. note: free text. extension: `.jpg`.
    """

    pano_id: object = None
    tile_num: object = None
    heading: object = None
    pitch: object = None
    roll: None = None
    height: None = None
    timestamp: object = None
    note: object = None
    extension: str = ".jpg"


_NO_DETAILS = Details()


def name_at(
    latitude: object, longitude: object, details: Details = _NO_DETAILS, grid: UtmGrid | None = None
) -> ImageName:
    """The name of an image taken at a WGS84 position in degrees (numbers, also as text).

    UTM values are computed from the unrounded position. grid: that of the dataset; None for the zone and
    hemisphere of the position itself, as in published datasets. Raises `NameFormatError` for latitudes
    outside [-80, 84], longitudes outside [-180, 180], and details that the convention cannot express.
    """
    degrees_north = _number(latitude, "latitude")
    degrees_east = _number(longitude, "longitude")
    try:
        east, north, zone_number, zone_letter = utm.from_latlon(
            degrees_north,
            degrees_east,
            force_zone_number=grid.zone if grid else None,
            force_northern=grid.northern if grid else None,
        )
    except utm.OutOfRangeError as error:
        raise NameFormatError(f"position {latitude!r}, {longitude!r} cannot be named: {error}") from error
    return replace(
        _described(east, north, details),
        utm_zone_number=f"{zone_number:02d}",
        utm_zone_letter=grid.band(degrees_north) if grid else str(zone_letter),
        latitude=format_coordinate(degrees_north, *_LATITUDE),
        longitude=format_coordinate(degrees_east, *_LONGITUDE),
    )


def name_nowhere(details: Details) -> ImageName:
    """The name of an image whose position is unknown: its easting and northing are 0."""
    return _described(0, 0, details)


def _described(east: float, north: float, details: Details) -> ImageName:
    if details.roll is not None or details.height is not None:
        raise NameFormatError(
            "roll and height cannot be written into an image name: the convention has no format for them",
            hint="set them to None",
        )
    return ImageName(
        utm_easting=format_coordinate(east, *_EASTING),
        utm_northing=format_coordinate(north, *_NORTHING),
        pano_id=_free_text(str(details.pano_id), "pano_id"),
        tile_num=_whole(details.tile_num, 2, "tile_num"),
        heading=_whole(details.heading, 3, "heading"),
        pitch=_whole(details.pitch, 3, "pitch"),
        timestamp=format_timestamp(details.timestamp),
        note="" if details.note is None else _free_text(str(details.note), "note"),
        extension=_free_text(details.extension, "extension"),
    )


def name_at_utm(
    east: float, north: float, zone_number: int, zone_letter: str, details: Details = _NO_DETAILS
) -> ImageName:
    """The name of an image at a UTM position in metres, computed from latitude and longitude as usual.

    The metres in the name differ from `east` and `north` by far less than the centimetre that is written.
    Raises `NameFormatError` for positions outside the range of the zone.
    """
    try:
        latitude, longitude = utm.to_latlon(east, north, zone_number, zone_letter)
    except (utm.OutOfRangeError, ValueError) as error:
        raise NameFormatError(
            f"UTM position {east}, {north} in zone {zone_number}{zone_letter} cannot be named: {error}"
        ) from error
    return name_at(latitude, longitude, details)


def position_of(path: str | PurePath) -> tuple[float, float]:
    """Return (easting, northing) in metres as other programs do: fields 1 and 2 of the whole path.

    Raises `NameFormatError` if they are missing or not finite numbers.
    """
    text = str(path)
    position = text.split("@")[1:3]
    if len(position) != 2:
        raise NameFormatError(
            f"no position in {text!r}", hint="expected a name that begins with @easting@northing@, in metres"
        )
    return (
        _metres(position[0], "field 1 (easting)", text),
        _metres(position[1], "field 2 (northing)", text),
    )


def night_name(file_name: str, suffix: str = ".jpg") -> str:
    """The name of the night of an image: an `n` before the suffix, which becomes `suffix`.

    `@...@pitch1_yaw1@.jpg` becomes `@...@pitch1_yaw1@n.jpg`; folders before the name are kept. Raises
    `NameFormatError` for a name without a suffix and for the name of a night.
    """
    stem, dot, old_suffix = file_name.rpartition(".")
    if not dot or "/" in old_suffix:
        raise NameFormatError(f"image name without a suffix: {file_name!r}")
    if stem.endswith("@" + NIGHT_MARK):
        raise NameFormatError(
            f"already the name of a night: {file_name!r}",
            hint="translate the day dataset, not the merged one",
        )
    return f"{stem}{NIGHT_MARK}{suffix}"


def format_coordinate(number: object, left: int, right: int) -> str:
    """Format with `right` decimals and at least `left` characters before the point, zeros after the sign.

    Rounds the exact binary value, ties to even. Wider numbers are not cut.
    """
    return f"{_number(number, 'coordinate'):0{left + right + 1}.{right}f}"


def format_timestamp(timestamp: object) -> str:
    """Check the numbers of digits of a time YYYY[MM[DD[_hh[mm[ss]]]]]; None and "" give ""."""
    text = "" if timestamp is None else str(timestamp)
    if not _TIMESTAMP.match(text):
        raise NameFormatError(f"timestamp {text!r} is not in the format YYYYMMDD_hhmmss or a beginning of it")
    return text


def _number(value: object, what: str) -> float:
    if value is None:
        raise NameFormatError(f"{what} of an image is missing")
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise NameFormatError(f"{what} of an image is not a number: {value!r}") from error


def _whole(value: object, width: int, what: str) -> str:
    if value is None:
        return ""
    number = _number(value, what)
    if not math.isfinite(number):
        raise NameFormatError(f"{what} of an image is not a finite number: {value!r}")
    return f"{int(number):0{width}d}"


def _free_text(text: str, what: str) -> str:
    if any(ord(character) < ord(" ") for character in text):
        raise NameFormatError(
            f"{what} of an image name may not contain line ends or control characters: {text!r}"
        )
    return text


def _metres(text: str, what: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise NameFormatError(f"{what} must be UTM metres, found {text!r} in {where!r}")
    return value
