from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.datasets.image_set.image_set import ImageRow
from pipeline.datasets.time_of_day.labels import (
    TimeLabel,
    label_queries,
    time_in_name,
    time_of_letter,
    time_of_number,
    write_times,
)
from pipeline.runtime.errors import DusklineError, MissingInputError, SetError, UserError

# Night numbers of the published subset, as its users list them: ranges of every third number.
NIGHT_NUMBERS = [
    *range(12, 64, 3),
    *range(84, 136, 3),
    *range(147, 244, 3),
    *range(264, 280, 3),
    *range(381, 451, 3),
    *(687, 690, 693, 732, 735, 738),
]


def query(pano_id: str, time_of_day: str = "", east: int = 386000) -> ImageRow:
    name = f"images/test/queries/@0{east}.00@3947000.00@54@S@035.66028@0139.74054@{pano_id}@@@@@@@@.jpg"
    return ImageRow(name, f"q.zip/{pano_id}", "0" * 64, 1, 8, 8, time_of_day)


def corrections(folder: Path, *lines: str, header: str = "name,time_of_day") -> Path:
    path = folder / "corrections.csv"
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def test_published_night_numbers_are_nights() -> None:
    assert len(NIGHT_NUMBERS) == 105
    assert {time_of_number(number) for number in NIGHT_NUMBERS} == {"night"}


@given(st.integers(0, 99_999 // 3 - 1))
def test_a_place_is_numbered_day_sunset_night(place: int) -> None:
    times = [time_of_number(3 * place + step) for step in (1, 2, 3)]
    assert times == ["day", "sunset", "night"]


def test_letters() -> None:
    assert [time_of_letter(letter) for letter in ("D", " S", "N ")] == ["day", "sunset", "night"]
    with pytest.raises(SetError, match="must be the letter D, S or N, not 'X'"):
        time_of_letter("X")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (query("00399.jpg").name, "night"),
        (query("00001.jpg").name, "day"),
        (query("00002.jpg").name, "sunset"),
        # A Pittsburgh panorama, an image named by hand, a name of two fields: no number of a Tokyo query.
        (query("010001").name, ""),
        (query("IMG_7.jpg").name, ""),
        # Photographs named twice over, whose number is not one of the published ones.
        (query("123.jpg").name, ""),
        (query("01126.jpg").name, ""),
        (query("00000.jpg").name, ""),
        ("images/test/queries/@1@2@.jpg", ""),
    ],
)
def test_number_in_a_formatted_name(name: str, expected: str) -> None:
    assert time_in_name(name) == expected


def test_labels_say_where_they_come_from_and_a_hand_wins(tmp_path: Path) -> None:
    rows = [query("00001.jpg", "day"), query("00002.jpg"), query("00003.jpg")]
    by_hand = corrections(tmp_path, f"{rows[1].name},night", f"{rows[2].name},night")
    labels = label_queries(reversed(rows), by_hand)
    assert labels == [
        TimeLabel(rows[0].name, "day", "manifest"),
        TimeLabel(rows[1].name, "night", "hand"),
        # Listed, but right already.
        TimeLabel(rows[2].name, "night", "number"),
    ]


def test_the_manifest_wins_over_the_number() -> None:
    assert label_queries([query("00003.jpg", "day")], None)[0].time_of_day == "day"


def test_a_hand_labels_what_nothing_else_does(tmp_path: Path) -> None:
    row = query("phone7")
    labels = label_queries([row], corrections(tmp_path, f"{row.name},sunset"))
    assert labels == [TimeLabel(row.name, "sunset", "hand")]


def test_queries_without_any_label_are_named() -> None:
    rows = [query(f"phone{index}", east=386000 + index) for index in range(22)]
    with pytest.raises(SetError) as caught:
        label_queries([*rows, query("00001.jpg")], None)
    message = str(caught.value)
    assert "22 of 23 queries have no time of day" in message
    assert rows[0].name in message
    assert "and 2 more" in message
    assert "columns name, time_of_day" in message


def test_the_written_list_can_be_given_back_as_corrections(tmp_path: Path) -> None:
    rows = [query("00001.jpg", "day"), query("00002.jpg")]
    labels = label_queries(rows, None)
    write_times(tmp_path / "times.csv", labels)
    assert label_queries(rows, tmp_path / "times.csv") == labels
    text = (tmp_path / "times.csv").read_text()
    assert text == (
        "name,time_of_day,label_from,certainty\n"
        f"{rows[0].name},day,manifest,\n{rows[1].name},sunset,number,\n"
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["{name},dusk"],
            r"corrections\.csv .*\n +time_of_day 'dusk' is not one of day, sunset, night \(line 2, ",
        ),
        (["{name},day", "{name},night"], r"corrections\.csv .*\n.* is listed twice \(line 3, "),
        (
            ["images/test/queries/@1@2@x.jpg,day"],
            "lists 1 names that are not queries of the dataset, first images",
        ),
    ],
)
def test_bad_corrections(tmp_path: Path, lines: list[str], message: str) -> None:
    row = query("00001.jpg")
    path = corrections(tmp_path, *(line.format(name=row.name) for line in lines))
    with pytest.raises(UserError, match=message):
        label_queries([row], path)


def test_corrections_as_a_spreadsheet_saves_them(tmp_path: Path) -> None:
    rows = [query("phone7"), query("phone8", east=386001)]
    by_hand = tmp_path / "corrections.csv"
    lines = [f"{rows[0].name.replace('/', chr(92))};Night", ";", f" {rows[1].name} ;day"]
    by_hand.write_text("\r\n".join(["Name;Time of day", *lines]), encoding="utf-16")
    assert [label.time_of_day for label in label_queries(rows, by_hand)] == ["night", "day"]


def test_all_bad_corrections_are_named_at_once(tmp_path: Path) -> None:
    row = query("00001.jpg")
    by_hand = corrections(tmp_path, f"{row.name},dusk", f"{row.name},", f"{row.name},day", f"{row.name},day")
    with pytest.raises(UserError) as caught:
        label_queries([row], by_hand)
    assert "3 rows of" in caught.value.message
    assert all(f"(line {line}, column " in caught.value.message for line in (2, 3, 5))


def test_an_empty_line_counts_in_the_line_numbers(tmp_path: Path) -> None:
    row = query("00001.jpg")
    with pytest.raises(UserError, match=r"'dusk' is not one of .* \(line 4, "):
        label_queries([row], corrections(tmp_path, "", "", f"{row.name},dusk"))


def test_corrections_without_the_column_or_the_file(tmp_path: Path) -> None:
    with pytest.raises(DusklineError, match="has no column time_of_day"):
        label_queries([query("00001.jpg")], corrections(tmp_path, header="name,time"))
    with pytest.raises(MissingInputError, match="no such file"):
        label_queries([query("00001.jpg")], tmp_path / "nowhere.csv")
