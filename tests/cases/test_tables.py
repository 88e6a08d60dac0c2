"""CSVs of positions as spreadsheets and users write them: read if they are unambiguous, else rejected."""

from __future__ import annotations

import csv
import io
import logging
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.formatting.readers.folder import plan_folder
from pipeline.datasets.formatting.readers.folder_listing import Photograph, list_photographs
from pipeline.datasets.listings.tables import read_table
from pipeline.runtime.errors import UserError
from tests.datasets.own_photographs import settings
from tests.datasets.raw_forms import jpeg

HEADER = "path,latitude,longitude"


def listed(folder: Path, table: str | bytes, *names: str) -> list[Photograph]:
    """The photographs `names` (p0.jpg, p1.jpg), as a CSV of these characters or bytes lists them."""
    folder.mkdir(exist_ok=True)
    for name in names or ("p0.jpg", "p1.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(jpeg())
    (folder / "coordinates.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    return list_photographs(folder, "coordinates.csv")


def places(folder: Path, table: str | bytes, *names: str) -> list[tuple[float, float]]:
    return [photograph.place for photograph in listed(folder, table, *names)]


def refusal(folder: Path, table: str | bytes, *names: str) -> str:
    with pytest.raises(UserError) as caught:
        listed(folder, table, *names)
    return str(caught.value)


def test_12_capitals_and_blanks_in_the_header(tmp_path: Path) -> None:
    rows = [f"p{n}.jpg,45.06,7.68,{2023 - n}-06-01,night,{10 * n}" for n in range(4)]
    table = "\r\n".join(["path,latitude,longitude,Date, time_of_day,Heading", *rows, ""])
    names = [f"p{n}.jpg" for n in range(4)]
    first, second, *_ = listed(tmp_path, table, *names)
    assert (first.date, first.time_of_day, first.heading) == ("20230601", "night", 0.0)
    assert (second.date, second.heading) == ("20220601", 10.0)
    plan = plan_folder(tmp_path, settings(queries_by="date"))
    assert [one.path for one in plan.photographs if one.role == "queries"] == ["p0.jpg"]


def test_12_a_column_that_cannot_be_told_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = f"{HEADER},direction,,empty,\np0.jpg,45.5,7,90,x,,\np1.jpg,45.5,7,80,,,\n"
    assert listed(tmp_path, table)[0].heading is None
    assert "columns that are not read: direction, unnamed column 5; known are path, latitude" in caplog.text


@pytest.mark.parametrize(
    "header", ["File,Lat,Lon", "filename,LAT,Long", " image , lat,LNG ", '"Path",lat,lon']
)
def test_usual_names_of_columns(tmp_path: Path, header: str) -> None:
    assert places(tmp_path, f"{header}\np0.jpg,45.5,7.25\np1.jpg,46,8\n") == [(45.5, 7.25), (46.0, 8.0)]


def test_a_name_of_more_than_one_word(tmp_path: Path) -> None:
    found = listed(tmp_path, f"{HEADER},Time of Day\np0.jpg,4,7,Day\np1.jpg,4,7,\n")
    assert [one.time_of_day for one in found] == ["day", ""]


@pytest.mark.parametrize("header", [f"{HEADER},latitude", f"{HEADER}, Latitude ", f"{HEADER},lat"])
def test_x10_a_column_twice(tmp_path: Path, header: str) -> None:
    message = refusal(tmp_path, f"{header}\np0.jpg,45,7,46.5\np1.jpg,45,7,46.5\n")
    assert f"coordinates.csv has columns twice: latitude and {header.rpartition(',')[2].strip()}" in message


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_as_spreadsheets_save_it(tmp_path: Path, separator: str, encoding: str, end: str) -> None:
    rows = [HEADER.split(","), ["p0.jpg", "45.5", "7.25"], ["größe.jpg", "-46", "8"]]
    table = end.join(separator.join(row) for row in rows) + end
    found = {one.path: one.place for one in listed(tmp_path, table.encode(encoding), "p0.jpg", "größe.jpg")}
    assert found == {"p0.jpg": (45.5, 7.25), "größe.jpg": (-46.0, 8.0)}


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas(tmp_path: Path, separator: str) -> None:
    table = f"{HEADER}\np0.jpg,45!5,7!25\np1.jpg,-46!0,+8\n".replace(",", separator).replace("!", ",")
    assert places(tmp_path, table) == [(45.5, 7.25), (-46.0, 8.0)]


def test_decimal_commas_in_quotes(tmp_path: Path) -> None:
    assert places(tmp_path, f'{HEADER}\np0.jpg,"45,5", "7,25"\np1.jpg,46,8\n')[0] == (45.5, 7.25)


@pytest.mark.parametrize(
    "text", ["1.234,56", "1,234.56", "45.060.000", "45_06", "٤٥", "0x2d", "nan", "45°", "45 06"]
)
def test_what_is_no_number_is_refused_with_line_and_column(tmp_path: Path, text: str) -> None:
    message = refusal(tmp_path, f"path;latitude;longitude\np0.jpg;45;7\np1.jpg;45;{text}\n")
    assert f"p1.jpg: longitude {text!r} is not a number (line 3, column longitude)" in message


def test_the_minus_of_typesetters(tmp_path: Path) -> None:
    assert places(tmp_path, f"{HEADER}\np0.jpg,\u22125.5,7\np1.jpg,45,7\n")[0] == (-5.5, 7.0)


def test_decimal_commas_that_look_like_separators(tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{HEADER}\np0.jpg,45,5,7,25\np1.jpg,45,7\n")
    assert "coordinates.csv: 1 rows have more or fewer values than the header:" in message
    assert "line 2: 5 values for 3 columns" in message


SPARE = f"{HEADER},heading,altitude"


@pytest.mark.parametrize(
    ("table", "count", "line", "shown"),
    [
        # 51,50 and 0,12 in columns to spare.
        (f"{SPARE}\np0.jpg,51,50,0,12\np1.jpg,51,51,0,12\n", 2, 2, "51,50,0,12"),
        (f"{SPARE}\np0.jpg,51,50,-0,12,,\np1.jpg,51,51,-0,12,,\n", 2, 3, "51,51,-0,12"),
        (f"{HEADER},,,,\np0.jpg,45,06,7,68,,\np1.jpg,45,5,7,68,,\n", 2, 2, "45,06,7,68"),
        # Only one of them had a comma, and not all rows are as long.
        (f"{SPARE}\np0.jpg,51,0,12\np1.jpg,51,1,\n".replace(",altitude", ""), 1, 2, "51,0,12"),
        ("lng,lat,heading,altitude,path\n0,12,51,50,p0.jpg\n0,13,51,50,p1.jpg\n", 2, 2, "0,12,51,50"),
        # Digits that begin with 0, in one row among others.
        (f"{SPARE}\np0.jpg,51.5,0.12,,\np1.jpg,51,50,0,060\n", 1, 3, "51,50,0,060"),
        (f"{SPARE}\np0.jpg,51.5,0.12,,\np1.jpg,51,05,0,12\n", 1, 3, "51,05,0,12"),
    ],
)
def test_decimal_commas_in_columns_to_spare(
    tmp_path: Path, table: str, count: int, line: int, shown: str
) -> None:
    message = refusal(tmp_path, table)
    assert f"coordinates.csv: {count} rows may have decimal commas between commas:" in message
    column = "longitude" if table.startswith("lng") else "latitude"
    assert f"line {line}, column {column}: {shown}" in message


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # One whole position among others, or alone, may be right.
        (f"{SPARE}\np0.jpg,51,50,0,12\np1.jpg,51.5,50.25,0,12\n", [(51.0, 50.0), (51.5, 50.25)]),
        (f"{SPARE}\np0.jpg,0,10,90,3\n", [(0.0, 10.0)]),
        # A heading of three digits.
        (f"{SPARE}\np0.jpg,51.5,50.0,090,3\np1.jpg,51.5,50.0,005,3\n", [(51.5, 50.0)] * 2),
        (f"{SPARE}\np0.jpg,51.0,50.0,9,3\np1.jpg,52.0,50.0,9,3\n", [(51.0, 50.0), (52.0, 50.0)]),
        # Nothing stands behind them, or what is not a rest of a number.
        (f"{SPARE}\np0.jpg,51,50,,\np1.jpg,52,50,,\n", [(51.0, 50.0), (52.0, 50.0)]),
        (f"{HEADER},date\np0.jpg,51,50,2019-05-31\np1.jpg,52,50,\n", [(51.0, 50.0), (52.0, 50.0)]),
        # Another separator.
        (f"{SPARE}\np0.jpg,51,50,0,12\np1.jpg,52,50,0,12\n".replace(",", ";"), [(51.0, 50.0), (52.0, 50.0)]),
    ],
)
def test_whole_degrees_that_are_right(
    tmp_path: Path, table: str, expected: list[tuple[float, float]]
) -> None:
    assert places(tmp_path, table, *(f"p{n}.jpg" for n in range(len(expected)))) == expected


@pytest.mark.parametrize("heading", ["400", "-90", "1e9", "360.5", "-0.1"])
def test_a_heading_that_is_no_direction_is_named(tmp_path: Path, heading: str) -> None:
    message = refusal(tmp_path, f"{HEADER},heading\np0.jpg,45.5,7.5,90\np1.jpg,45.5,7.5,{heading}\n")
    assert "p1.jpg: heading" in message
    assert "is not between 0 and 360 (line 3, column heading)" in message


def test_a_heading_of_360_is_north(tmp_path: Path) -> None:
    found = listed(tmp_path, f"{HEADER},heading\np0.jpg,45.5,7.5,360\np1.jpg,45.5,7.5,359.9\n")
    assert [one.heading for one in found] == [0.0, 359.9]


@pytest.mark.parametrize("date", ["190512", "1511112012", "1557662400000", "1511112012.5", "15111120"])
def test_digits_that_are_another_date_are_named(tmp_path: Path, date: str) -> None:
    message = refusal(tmp_path, f"{HEADER},date\np0.jpg,45.5,7.5,{date}\np1.jpg,45.5,7.5,2019\n")
    assert f"p0.jpg: '{date}' is not a date" in message
    assert "(line 2, column date)" in message


def test_a_table_that_was_cut_off(tmp_path: Path) -> None:
    assert "line 3: 2 values for 3 columns" in refusal(tmp_path, f"{HEADER}\np0.jpg,45,7\np1.jpg,45")


def test_latin_1_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = f"{HEADER}\np0.jpg,45,7\ngröße.jpg,46,8\n".encode("latin-1")
    assert places(tmp_path, table, "p0.jpg", "größe.jpg") == [(46.0, 8.0), (45.0, 7.0)]
    assert "coordinates.csv, line 3: not UTF-8, read as Windows-1252" in caplog.text


@pytest.mark.parametrize(
    "data", [b"PK\3\4\0\0xl/workbook.xml", "path,latitude".encode("utf-16-le"), b"path,latitude\n\x81,\x8d"]
)
def test_what_is_no_text(tmp_path: Path, data: bytes) -> None:
    assert "save the table again as CSV (UTF-8)" in refusal(tmp_path, data)


def test_empty_lines_and_lines_of_separators(tmp_path: Path) -> None:
    table = f"\r\n,,\r\n{HEADER}\r\n\r\np0.jpg,45,7\r\n,,\r\n  \r\np1.jpg,46,8,,\r\n\r\n,,,,\r\n"
    assert places(tmp_path, table) == [(45.0, 7.0), (46.0, 8.0)]


def test_a_header_that_ends_in_separators(tmp_path: Path) -> None:
    assert places(tmp_path, f"{HEADER},,\np0.jpg,45,7\np1.jpg,46,8,,\n") == [(45.0, 7.0), (46.0, 8.0)]


def test_an_index_without_a_name(tmp_path: Path) -> None:
    assert places(tmp_path, f",{HEADER}\n0,p0.jpg,45,7\n1,p1.jpg,46,8\n") == [(45.0, 7.0), (46.0, 8.0)]


def test_a_separator_told_above_the_header(tmp_path: Path) -> None:
    table = "sep=;\r\npath;latitude;longitude\r\np0.jpg;45,5;7\r\np1.jpg;north;8\r\n"
    assert "p1.jpg: latitude 'north' is not a number (line 4, column latitude)" in refusal(tmp_path, table)
    assert places(tmp_path, table.replace("north", "46")) == [(45.5, 7.0), (46.0, 8.0)]


def test_a_line_end_in_quotes_is_one_cell(tmp_path: Path) -> None:
    table = f'{HEADER},note\np0.jpg,45,7,"two\nlines; or ""three"""\np1.jpg,east,8,\n'
    assert "p1.jpg: latitude 'east' is not a number (line 4, column latitude)" in refusal(tmp_path, table)
    assert places(tmp_path, table.replace("east", "46")) == [(45.0, 7.0), (46.0, 8.0)]


@pytest.mark.parametrize("row", ['"p0.jpg,45,7', '"p0".jpg,45,7'])
def test_a_quote_that_is_not_closed(tmp_path: Path, row: str) -> None:
    assert "coordinates.csv, line 2: not a row of a CSV" in refusal(
        tmp_path, f"{HEADER}\n{row}\np1.jpg,46,8\n"
    )


def test_no_separator_or_two(tmp_path: Path) -> None:
    assert "its header is path|latitude|longitude" in refusal(
        tmp_path, "path|latitude|longitude\np0.jpg|1|2\n"
    )
    both = "path,latitude,longitude,x;path;latitude;longitude\n"
    assert "its header can be split by commas and by semicolons" in refusal(tmp_path, both)


@pytest.mark.parametrize("written", [r"walk\p0.jpg", r".\walk\p0.jpg", "./walk/p0.jpg", " walk/p0.jpg "])
def test_backslashes_in_paths(tmp_path: Path, written: str) -> None:
    assert [one.path for one in listed(tmp_path, f"{HEADER}\n{written},45,7\n", "walk/p0.jpg")] == [
        "walk/p0.jpg"
    ]


def test_a_backslash_that_is_in_the_name(tmp_path: Path) -> None:
    table = HEADER + "\n" + r"a\p.jpg,45,7" + "\na/p.jpg,46,8\n"
    found = {one.path: one.latitude for one in listed(tmp_path, table, "a/p.jpg", r"a\p.jpg")}
    assert found == {"a/p.jpg": 46.0, r"a\p.jpg": 45.0}


@pytest.mark.parametrize(("there", "written"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_names_that_a_mac_has_decomposed(tmp_path: Path, there: str, written: str) -> None:
    names = [f"Größe {number}é.jpg" for number in range(8)]
    rows = [f"{unicodedata.normalize(written, name)},{45 + number},7" for number, name in enumerate(names)]
    found = listed(
        tmp_path, "\n".join([HEADER, *rows]), *(unicodedata.normalize(there, name) for name in names)
    )
    assert [one.latitude for one in found] == [45.0 + number for number in range(8)]


def test_a_name_that_fits_two_files_means_the_one_of_its_form(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD"))
    table = f"{HEADER}\n{composed},45,7\n{decomposed},46,8\n"
    found = {one.path: one.latitude for one in listed(tmp_path, table, composed, decomposed)}
    assert found == {composed: 45.0, decomposed: 46.0}


def test_capitals_are_not_guessed_but_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{HEADER}\np0.JPG,45,7\np1.jpg,46,8\n")
    assert "p0.JPG: listed in line 2 of coordinates.csv, but missing; the folder has p0.jpg" in message


@given(st.lists(st.tuples(st.text(), st.floats(-80, 84), st.floats(-180, 180)), min_size=1))
def test_what_a_library_has_written_is_read_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float, float]]
) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows([HEADER.split(","), *rows])
    path = tmp_path_factory.mktemp("written") / "coordinates.csv"
    path.write_text(stream.getvalue().replace("\0", ""), encoding="utf-8", errors="ignore", newline="")
    found = read_table(path, HEADER.split(","))
    names = [row[0].replace("\0", "").encode(errors="ignore").decode() for row in rows]
    assert [row.cells["path"] for row in found] == names
    assert [(row.number("latitude"), row.number("longitude")) for row in found] == [row[1:] for row in rows]


def test_nothing_is_said_of_a_plain_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    places(tmp_path, f"{HEADER}\np0.jpg,45,7\np1.jpg,46,8\n")
    assert not [record for record in caplog.records if record.name == "pipeline.datasets.listings.tables"]
