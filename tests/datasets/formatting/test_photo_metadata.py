from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from pipeline.datasets.formatting.photo_metadata import date_in_name, read_header
from pipeline.datasets.image_set.image_names import format_timestamp
from pipeline.runtime.errors import BadImageError
from tests.datasets.raw_forms import picture


def photograph(
    path: Path,
    *,
    latitude: tuple[float, ...] | None = None,
    longitude: tuple[float, ...] | None = None,
    references: tuple[str, str] = ("N", "E"),
    heading: float | None = None,
    date: str = "",
    orientation: int | None = None,
    mode: str = "RGB",
    kind: str = "JPEG",
    **options: Any,
) -> Path:
    exif = Image.Exif()
    gps: dict[int, Any] = {}
    if latitude is not None:
        gps |= {ExifTags.GPS.GPSLatitude: latitude, ExifTags.GPS.GPSLatitudeRef: references[0]}
    if longitude is not None:
        gps |= {ExifTags.GPS.GPSLongitude: longitude, ExifTags.GPS.GPSLongitudeRef: references[1]}
    if heading is not None:
        gps[ExifTags.GPS.GPSImgDirection] = heading
    if gps:
        exif[ExifTags.IFD.GPSInfo] = gps
    if date:
        exif[ExifTags.IFD.Exif] = {ExifTags.Base.DateTimeOriginal: date}
    if orientation is not None:
        exif[ExifTags.Base.Orientation] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    picture().convert(mode).save(path, kind, exif=exif, **options)
    return path


def test_position_direction_and_date(tmp_path: Path) -> None:
    header = read_header(
        photograph(
            tmp_path / "a.jpg",
            latitude=(33.0, 52.0, 7.68),
            longitude=(70.0, 30.0, 36.0),
            references=("S", "W"),
            heading=271.5,
            date="2019:05:31 14:30:05",
        )
    )
    assert header.latitude == pytest.approx(-33.8688)
    assert header.longitude == pytest.approx(-70.51)
    assert header.heading == pytest.approx(271.5)
    assert header.date == "20190531_143005"
    assert header.plain


def test_a_picture_that_says_nothing(tmp_path: Path) -> None:
    header = read_header(photograph(tmp_path / "a.jpg"))
    assert (header.latitude, header.longitude, header.heading, header.date) == (None, None, None, "")
    assert header.plain


@pytest.mark.parametrize("latitude", [(1.0,), (1.0, 2.0), (1.0, 2.0, 3.0, 4.0)])
def test_gps_that_is_no_position(tmp_path: Path, latitude: tuple[float, ...]) -> None:
    header = read_header(photograph(tmp_path / "a.jpg", latitude=latitude, longitude=(1.0, 2.0, 3.0)))
    assert header.latitude is None
    assert header.longitude is not None


@pytest.mark.parametrize(
    ("told", "heading"), [(0, 0.0), (359.9, 359.9), (360, 0.0), (400, None), (1e6, None)]
)
def test_a_direction_beyond_the_circle_is_unknown(tmp_path: Path, told: float, heading: float | None) -> None:
    assert read_header(photograph(tmp_path / "a.jpg", heading=told)).heading == pytest.approx(heading)


@pytest.mark.parametrize("date", ["    :  :     :  :  ", "0000:00:00 00:00:00", "2019:00:00 00:00:00"])
def test_a_clock_that_was_never_set_is_no_date(tmp_path: Path, date: str) -> None:
    assert read_header(photograph(tmp_path / "a.jpg", date=date)).date == ""


@pytest.mark.parametrize(
    "options",
    [
        {"orientation": 6},
        {"progressive": True},
        {"mode": "L"},
        {"mode": "CMYK"},
        {"kind": "PNG"},
    ],
)
def test_what_must_be_encoded_again(tmp_path: Path, options: dict[str, Any]) -> None:
    assert not read_header(photograph(tmp_path / "a.jpg", **options)).plain


def test_an_orientation_that_turns_nothing_is_plain(tmp_path: Path) -> None:
    assert read_header(photograph(tmp_path / "a.jpg", orientation=1)).plain


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no image at all", "not an image that can be read"),
        (b"\x89PNG\r\n\x1a\n", "not an image that can be read"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(BadImageError, match=rf"a\.jpg: {reason}"):
        read_header(tmp_path / "a.jpg")


def test_a_picture_beyond_pillow_s_limit_is_named(tmp_path: Path) -> None:
    """No more than the head of 20,000 x 20,000 pixels."""
    head = struct.pack(">4sIIBBBBB", b"IHDR", 20_000, 20_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(head) - 4) + head + struct.pack(">I", zlib.crc32(head))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I4s", 10, b"IDAT"))
    with pytest.raises(BadImageError, match=r"a\.png: cannot be decoded \(Image size .* exceeds"):
        read_header(tmp_path / "a.png")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadImageError, match=r"a\.jpg: no such file"):
        read_header(tmp_path / "a.jpg")


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_crash_the_reader(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, prefix: bool
) -> None:
    stream = io.BytesIO()
    picture().save(stream, "JPEG")
    path = tmp_path_factory.getbasetemp() / "any.jpg"
    path.write_bytes((stream.getvalue()[:30] if prefix else b"") + data)
    try:
        read_header(path)
    except BadImageError:
        return


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("2019", "2019"),
        ("2019-05", "201905"),
        ("2019-05-31", "20190531"),
        ("2019/05/31", "20190531"),
        ("20190531", "20190531"),
        ("20190531_1430", "20190531_1430"),
        ("2019-05-31T14:30:05Z", "20190531_143005"),
        ("2019-05-31T14:30:05.123+02:00", "20190531_143005"),
        (" 2019:05:31 14:30:05 ", "20190531_143005"),
        ("2016-12-31 23:59:60", "20161231_235960"),
        ("2020-02-29", "20200229"),
        ("201905311430", "20190531_1430"),
        ("20190531143005", "20190531_143005"),
        ("20190531T143005Z", "20190531_143005"),
        ("20190531 143005", "20190531_143005"),
        ("20190531_14", "20190531_14"),
        ("1826", "1826"),
        ("9999-12-31", "99991231"),
    ],
)
def test_dates_as_the_names_write_them(text: str, expected: str) -> None:
    assert date_in_name(text) == expected
    assert format_timestamp(date_in_name(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "31.05.2019",
        "19-05-31",
        "0000",
        "0000-05-31",
        "2019-00",
        "2019-13-01",
        "2019-05-00",
        "2019-02-29",
        "2019-05-31 25:00",
        "2019-05-31 14:30:61",
        # 12 May 2019, and seconds since 1970: as years and months they would be others.
        "190512",
        "201905",
        "190512_1230",
        "190512-12",
        "190512-1230",
        "1511112012",
        "1511112012.5",
        "2019053114",
        "2019053114300",
        # Before there were photographs.
        "1825-12-31",
        "1511-11-20 12:00",
        "05122019",
        # A time that would be taken for a time zone.
        "20190531-1430",
        "\uff12\uff10\uff11\uff19",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        date_in_name(text)
