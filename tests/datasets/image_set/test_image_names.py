from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

import pytest
import utm
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.datasets.image_set.image_names import (
    Details,
    ImageName,
    format_coordinate,
    format_timestamp,
    name_at,
    name_at_utm,
    night_name,
    position_of,
)
from pipeline.runtime.errors import NameFormatError
from tests.datasets.raw_forms import golden

CASES = golden("cases.json")
GOOD = [case for case in CASES if case["fields"] is not None]
BREAKING = [case for case in CASES if case["fields"] is None]
INVALID = [case for case in golden("invalid.json") if "raises" in case]

PLAIN_TEXT = st.text(
    st.characters(exclude_characters="@/", exclude_categories=("Cc", "Cs")), min_size=0, max_size=20
)
POSITIONS = st.tuples(
    st.floats(-80, 84, allow_nan=False, exclude_max=True), st.floats(-180, 180, exclude_max=True)
)
DETAILS = st.builds(
    Details,
    pano_id=PLAIN_TEXT,
    tile_num=st.none() | st.integers(0, 99),
    heading=st.none() | st.floats(-360, 360),
    pitch=st.none() | st.integers(-90, 90),
    timestamp=st.sampled_from((None, "2019", "201901", "20190131", "20190131_2359")),
    note=st.none() | PLAIN_TEXT,
)


def named(given_values: dict[str, Any]) -> ImageName:
    values = {key: math.nan if value == "NaN (float)" else value for key, value in given_values.items()}
    return name_at(values.pop("latitude"), values.pop("longitude"), Details(**values))


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["name"])
def test_names_are_those_of_the_published_code(case: dict[str, Any]) -> None:
    name = named(case["input"])
    assert name.encode() == case["name"]
    assert asdict(name) == case["fields"]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["name"])
def test_names_are_read_back_field_by_field(case: dict[str, Any]) -> None:
    name = ImageName.parse(case["name"])
    assert asdict(name) == case["fields"]
    assert name.encode() == case["name"]
    latitude, longitude = utm.to_latlon(
        name.east, name.north, int(name.utm_zone_number), name.utm_zone_letter, strict=False
    )
    assert (latitude, longitude) == pytest.approx(case["latlon_back_from_name"], abs=1e-8)


@pytest.mark.parametrize("case", BREAKING, ids=lambda case: case["name"])
def test_fields_that_would_break_the_format_are_refused(case: dict[str, Any]) -> None:
    with pytest.raises(NameFormatError, match="may not contain '@', '/'"):
        named(case["input"])
    with pytest.raises(NameFormatError):
        ImageName.parse(case["name"])


MESSAGES = {
    "latitude too far north": "84.0001, 0 cannot be named: latitude out of range",
    "latitude too far south": "-80.0001, 0 cannot be named: latitude out of range",
    "longitude out of range": "10, 180.5 cannot be named: longitude out of range",
    "not a number as text": "latitude of an image is not a number: 'abc'",
    "NaN latitude": "nan, 0 cannot be named: latitude out of range",
    "None latitude": "latitude of an image is missing",
    "timestamp with 5 digits": "timestamp '20190' is not in the format YYYYMMDD_hhmmss",
    "timestamp with hour but no underscore": "timestamp '2008061514' is not in the format",
    "timestamp with dashes": "timestamp '2019-01-01' is not in the format",
    "timestamp hour without day": "timestamp '201901_12' is not in the format",
    "roll given": "roll and height cannot be written",
    "height given": "roll and height cannot be written",
    "heading is text": "heading of an image is not a number: 'north'",
    "heading is NaN": "heading of an image is not a finite number: nan",
    "empty string heading": "heading of an image is not a number: ''",
}


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case["case"])
def test_invalid_values_are_refused_in_words(case: dict[str, Any]) -> None:
    with pytest.raises(NameFormatError) as caught:
        named(case["input"])
    assert MESSAGES[case["case"]] in caught.value.message


def test_an_impossible_but_well_formed_timestamp_passes_as_it_does_in_the_published_code() -> None:
    (case,) = (case for case in golden("invalid.json") if "returns" in case)
    assert named(case["input"]).encode() == case["returns"]


@pytest.mark.parametrize("case", golden("timestamps.json"), ids=lambda case: repr(case["timestamp"]))
def test_timestamps(case: dict[str, Any]) -> None:
    if case["valid"]:
        assert format_timestamp(case["timestamp"]) == case["timestamp"]
    else:
        with pytest.raises(NameFormatError, match="YYYYMMDD_hhmmss"):
            format_timestamp(case["timestamp"])


@pytest.mark.parametrize("case", golden("format_coord.json"), ids=lambda case: case["text"])
def test_coordinates(case: dict[str, Any]) -> None:
    assert format_coordinate(case["num"], case["left"], case["right"]) == case["text"]


@pytest.mark.parametrize("field", ["pano_id", "note", "extension"])
@pytest.mark.parametrize("bad", ["a@b", "a/b", "a\0b", "a\nb"])
def test_texts_that_no_file_name_can_hold_are_refused(field: str, bad: str) -> None:
    with pytest.raises(NameFormatError, match=field):
        name_at(1, 1, Details(**{field: bad}))


def test_infinite_and_missing_numbers_are_refused() -> None:
    with pytest.raises(NameFormatError, match="tile_num of an image is not a finite number: inf"):
        name_at(1, 1, Details(tile_num=math.inf))
    with pytest.raises(NameFormatError, match="longitude of an image is missing"):
        name_at(1, None)


def test_a_name_longer_than_file_systems_allow_is_refused() -> None:
    with pytest.raises(NameFormatError, match="longer than 255 bytes"):
        name_at(1, 1, Details(note="é" * 100)).encode()


def test_utm_positions_out_of_range_are_refused() -> None:
    with pytest.raises(NameFormatError, match=r"UTM position 1.0, 4477000.0 in zone 17T cannot be named"):
        name_at_utm(1.0, 4477000.0, 17, "T")
    with pytest.raises(NameFormatError, match="zone 99T"):
        name_at_utm(585000.0, 4477000.0, 99, "T")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@1@2@.jpg", "expected a name of 15 fields"),
        ("photo.jpg", "found 0 in 'photo.jpg'"),
        ("x@1@2@17@T@1@1@@@@@@@@@.jpg", "expected a name of 15 fields"),
        ("@east@2@17@T@1@1@@@@@@@@@.jpg", "field 1 (easting) must be UTM metres, found 'east'"),
        ("@1@nan@17@T@1@1@@@@@@@@@.jpg", "field 2 (northing) must be UTM metres, found 'nan'"),
        ("a@b/@1@2@17@T@1@1@@@@@@@@@.jpg", "a parent folder of the image contains '@'"),
    ],
)
def test_names_outside_the_convention_cannot_be_parsed(text: str, message: str) -> None:
    with pytest.raises(NameFormatError) as caught:
        ImageName.parse(text)
    assert message in caught.value.message


def test_parse_takes_paths() -> None:
    file_name = name_at(40.44062, -79.99589, Details(pano_id="1")).encode()
    assert ImageName.parse(PurePosixPath("sets/a/images") / file_name).encode() == file_name


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("photo.jpg", "no position in 'photo.jpg'"),
        ("@1.0", "no position"),
        ("@1.0@x@.jpg", "field 2 (northing) must be UTM metres, found 'x' in '@1.0@x@.jpg'"),
        ("@inf@1@.jpg", "field 1 (easting) must be UTM metres, found 'inf'"),
    ],
)
def test_paths_without_a_position_are_refused(path: str, message: str) -> None:
    with pytest.raises(NameFormatError) as caught:
        position_of(path)
    assert message in caught.value.message


def test_night_names() -> None:
    day = "@0585157.79@4477147.65@17@T@040.44062@-079.99589@000001@13@@@@@@pitch1_yaw14@.jpg"
    night = "@0585157.79@4477147.65@17@T@040.44062@-079.99589@000001@13@@@@@@pitch1_yaw14@n.jpg"
    assert night_name(day) == night
    assert night_name("images/train/database/" + day) == "images/train/database/" + night
    assert night_name(day, ".png") == night.replace("n.jpg", "n.png")
    assert night_name("holiday.jpeg") == "holidayn.jpg"
    assert ImageName.parse(night).extension == "n.jpg"
    assert ImageName.parse(night).encode() == night
    assert position_of(night) == position_of(day)


def test_night_names_of_nights_and_of_names_without_suffix_are_refused() -> None:
    with pytest.raises(NameFormatError, match="already the name of a night"):
        night_name("@1@2@@@@@@@@@@@@@n.jpg")
    for bare in ("photo", "folder.jpg/photo"):
        with pytest.raises(NameFormatError, match="without a suffix"):
            night_name(bare)


@given(POSITIONS, DETAILS)
def test_what_is_named_is_read_back(position: tuple[float, float], details: Details) -> None:
    name = name_at(*position, details)
    text = name.encode()
    assert ImageName.parse(text) == name
    assert ImageName.parse("images/test/queries/" + text) == name
    assert ImageName.parse(night_name(text)).extension == "n.jpg"


@given(POSITIONS, DETAILS)
def test_fields_have_their_order_and_widths(position: tuple[float, float], details: Details) -> None:
    parts = name_at(*position, details).encode().split("@")
    assert len(parts) == 16
    assert parts[0] == ""
    assert [len(parts[index]) for index in (1, 3, 4, 5, 6)] == [10, 2, 1, 9, 10]
    assert len(parts[2]) == 10 or parts[2] == "10000000.00"
    assert float(parts[5]) == pytest.approx(position[0], abs=0.5001e-5)
    assert float(parts[6]) == pytest.approx(position[1], abs=0.5001e-5)
    assert parts[7] == details.pano_id
    assert parts[8] == ("" if details.tile_num is None else f"{details.tile_num:02d}")
    assert parts[11] == parts[12] == ""
    assert parts[15] == ".jpg"


@given(st.floats(200_000, 800_000), st.floats(1_000, 9_000_000), st.integers(1, 60))
@example(200_000, 6_216_535, 32)
def test_utm_positions_come_back_to_the_centimetre(east: float, north: float, zone: int) -> None:
    name = name_at_utm(east, north, zone, "N")
    if int(name.utm_zone_number) == zone:
        # Names hold centimetres. Around Norway and Svalbard zones are up to 12 degrees wide, and utm's series
        # loses some more towards their edges.
        wide = abs(float(name.longitude) - (6 * zone - 183)) > 3
        assert (name.east, name.north) == pytest.approx((east, north), abs=0.05 if wide else 0.0061)


@pytest.mark.contract
def test_contract_readers_take_metres_from_the_whole_path() -> None:
    name = name_at(40.44062, -79.99589, Details(pano_id="000001", heading=271.9))
    path = "data/sets/pitts30k/images/train/database/" + name.encode()
    east, north = (float(part) for part in path.split("@")[1:3])
    expected = utm.from_latlon(40.44062, -79.99589)[:2]
    assert (east, north) == pytest.approx(expected, abs=0.005)
    assert position_of(path) == (east, north)
    assert path.split("@")[9] == "271"


@pytest.mark.contract
def test_contract_suffixes_are_lower_case_jpg() -> None:
    file_name = name_at(1, 1).encode()
    assert file_name.endswith("@.jpg")
    assert night_name(file_name).endswith("@n.jpg")
