"""GSV-Cities in its published form: names, places, roles, the border of zones, and what is refused."""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.gsv_cities import (
    GsvCitiesSettings,
    place_in_tree,
    read_gsv_cities,
)
from pipeline.datasets.image_set.image_set import ImageRow, ImageSet
from pipeline.runtime.errors import BadArchiveError, MissingInputError, ParameterError, UserError
from tests.datasets.raw_forms import golden, jpeg, write_zip

HELD = Path("nowhere")
GOLDEN = golden("today_sets.json")["gsv_cities"]
HEADER = GOLDEN["csv_header"]


def settings(**changes: Any) -> GsvCitiesSettings:
    return build(GsvCitiesSettings, {"cities": None, "val_share": 0.0, "seed": 0} | changes, "here")


def members(rows: list[dict[str, str]], file: str = "file") -> dict[str, bytes]:
    """The published tree of these rows: `csv`, `row` and the name of the image under `file`."""
    tables: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        tables[row["csv"]].append(row["row"])
    made = {name: "\r\n".join([HEADER, *lines, ""]).encode() for name, lines in tables.items()}
    return made | {(row[file] or row["file"]): jpeg(seed=number) for number, row in enumerate(rows)}


def city(
    name: str, places: int, latitude: float, longitude: float, pictures: int = 3
) -> list[dict[str, str]]:
    """Rows of places 150 m apart, whose images are of 2010, 2011 and so on."""
    rows = []
    for place in range(places):
        for number in range(pictures):
            at = f"{latitude + place * 0.00135:.7f}", f"{longitude:.7f}"
            date = str(2010 + number), "5"
            pano_id = f"{name}_{place}_{number}".ljust(22, "-")
            fields = str(place), *date, "9", name, *at, pano_id
            file = f"{name}_{place:07d}_{date[0]}_05_009_{at[0]}_{at[1]}_{pano_id}.jpg"
            rows.append(
                {"csv": f"Dataframes/{name}.csv", "row": ",".join(fields), "file": f"Images/{name}/{file}"}
            )
    return rows


def place_of(row: ImageRow) -> str:
    return row.file_name.split("@")[14]


def write_folder(root: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def formatted(tmp_path: Path, content: dict[str, bytes], packed: bool = True, **changes: Any) -> ImageSet:
    raw = tmp_path / "raw"
    if packed:
        write_zip(raw / "archive.zip", content)
    else:
        write_folder(raw, content)
    return format_set(read_gsv_cities(raw, settings(**changes), HELD), tmp_path / "set", workers=2)


@pytest.mark.parametrize("packed", [True, False])
def test_worked_names(tmp_path: Path, packed: bool) -> None:
    made = formatted(tmp_path, members(GOLDEN["rows"]), packed)
    found = {row.source.partition("Images/")[2]: row.file_name for row in made.rows}
    expected = {
        row["file"].partition("Images/")[2]: row["common_name"]
        for row in GOLDEN["rows"]
        # East of Greenwich, in the zone of the rest of London; see below.
        if row["common_name"].split("@")[3:5] != ["31", "U"] or "London" not in row["csv"]
    }
    assert len(expected) == len(GOLDEN["rows"]) - 1
    assert expected.items() <= found.items()


def test_names_that_pandas_changed_are_found(tmp_path: Path) -> None:
    changed = formatted(tmp_path / "changed", members(GOLDEN["rows"], "file_by_pandas_2_2_3"))
    plain = formatted(tmp_path / "plain", members(GOLDEN["rows"]))
    assert [row.name for row in changed.rows] == [row.name for row in plain.rows]


def test_london_is_in_one_zone(tmp_path: Path) -> None:
    rows = [row for row in GOLDEN["rows"] if "London" in row["csv"]]
    made = formatted(tmp_path, members([*rows, *city("London", 3, 51.5, -0.001)]))
    assert {str(row.grid) for row in made.rows} == {"30N"}
    east, west = (next(row for row in made.rows if pano in row.name) for pano in ("ai@", "London_0_0--"))
    assert 90 < abs(east.east - west.east) < 120  # of 416 km by the zones of their own


def test_the_newest_picture_of_a_place_is_its_query(tmp_path: Path) -> None:
    made = formatted(tmp_path, members(city("PRS", 4, 48.85, 2.35)))
    assert made.counts() == {"train/database": 8, "train/queries": 4}
    assert {row.file_name.split("@")[13] for row in made.where(role="queries")} == {"201205"}


def test_places_are_unique_across_cities_and_a_lone_picture_is_database(tmp_path: Path) -> None:
    made = formatted(tmp_path, members([*city("PRS", 2, 48.85, 2.35), *city("OSL", 1, 59.9, 10.75, 1)]))
    assert {place_of(row) for row in made.rows} == {
        "PRS_0000000",
        "PRS_0000001",
        "OSL_0000000",
    }
    assert [row.role for row in made.rows if "OSL" in row.name] == ["database"]


def test_val_is_whole_places_drawn_by_the_seed(tmp_path: Path) -> None:
    content = members([*city("PRS", 20, 48.85, 2.35), *city("OSL", 8, 59.9, 10.75)])
    made = formatted(tmp_path, content, val_share=0.25)
    places = {split: {place_of(row) for row in made.where(split)} for split in ("train", "val")}
    assert not places["train"] & places["val"]
    assert [sum(place.startswith(name) for place in places["val"]) for name in ("PRS", "OSL")] == [5, 2]
    assert made.counts()["val/queries"] == 7
    assert formatted(tmp_path / "few", content, val_share=0.01).counts()["val/queries"] == 2
    other = formatted(tmp_path / "other", content, val_share=0.25, seed=1)
    assert {row.name for row in other.where("val")} != {row.name for row in made.where("val")}


def test_what_is_near_val_is_left_out_of_train(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = city("PRS", 1, 48.85, 2.35)
    rows += [
        {key: text.replace("0000000", "0000009").replace("0,", "9,", 1) for key, text in row.items()}
        for row in rows
    ]
    with caplog.at_level(logging.WARNING):
        made = formatted(tmp_path, members(rows), val_share=0.5)
    assert made.counts() == {"val/database": 2, "val/queries": 1}
    assert "PRS: left out 1 places of train within 50 m of one of val" in caplog.text


def test_the_number_of_val_places_does_not_move_the_others(tmp_path: Path) -> None:
    content = members(city("PRS", 10, 48.85, 2.35))
    few = {row.name for row in formatted(tmp_path / "few", content, val_share=0.2).where("val")}
    more = {row.name for row in formatted(tmp_path / "more", content, val_share=0.5).where("val")}
    assert few < more


def test_cities_that_are_wanted(tmp_path: Path) -> None:
    content = members([*city("PRS", 2, 48.85, 2.35), *city("OSL", 2, 59.9, 10.75)])
    made = formatted(tmp_path, content, cities=["OSL"])
    assert {place_of(row)[:3] for row in made.rows} == {"OSL"}
    with pytest.raises(MissingInputError, match="has the cities Quebec") as caught:
        formatted(tmp_path, content, cities=["OSL", "Quebec"])
    assert "cities found: OSL, PRS" in caught.value.hint


def test_trees_and_suffixes_of_the_published_page() -> None:
    assert place_in_tree("gsv/Images/Paris/PRS_1.JPG") == "PRS_1.JPG"
    assert place_in_tree("Images/PRS_1.jpg") == "PRS_1.jpg"
    assert place_in_tree("archive/Dataframes/Paris.csv") == "Paris.csv"
    assert place_in_tree("Images/PRS/readme.txt") == place_in_tree("Dataframes/PRS.json") == ""


def test_pages_names_of_folders(tmp_path: Path) -> None:
    content = members(city("PRS", 2, 48.85, 2.35))
    for old, new in (("Images/PRS", "Images/Paris"), ("PRS.csv", "Paris.csv"), (".jpg", ".JPG")):
        content = {name.replace(old, new): data for name, data in content.items()}
    assert len(formatted(tmp_path, content).rows) == 6


def test_missing_pictures_are_named(tmp_path: Path) -> None:
    content = members(city("PRS", 2, 48.85, 2.35))
    del content[next(name for name in content if name.endswith("PRS_1_2---------------.jpg"))]
    with pytest.raises(BadArchiveError, match="1 of 6 images that the tables list are not in") as caught:
        formatted(tmp_path, content)
    assert "PRS_0000001_2012_05_009_PRS_1_2" in caught.value.message


def test_unlisted_pictures_and_repeated_rows_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = city("PRS", 2, 48.85, 2.35)
    content = members([*rows, rows[0]])
    content["Images/PRS/PRS_0000007_2010_05_009_1.0_2.0_abc.jpg"] = jpeg()
    with caplog.at_level(logging.WARNING):
        assert len(formatted(tmp_path, content).rows) == 6
    assert "left out 1 images that no table lists" in caplog.text
    assert "1 rows repeat an earlier one" in caplog.text


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1,2019,8,218,PRS,,2.35,pano", "could not convert string to float"),
        ("one,2019,8,218,PRS,48.85,2.35,pano", "invalid literal for int"),
        ("1,2019,8,218,P_S,48.85,2.35,pano", "city_id 'P_S' is not an id"),
        ("1,2019,8,218,PRS,89.85,2.35,pano", "cannot be named"),
        ("1,2019,8,218,PRS,nan,2.35,pano", "cannot be named"),
        ("1,2019,13x,218,PRS,48.85,2.35,pano", "invalid literal for int"),
        ("1,2019,8,218,PRS,48.85,2.35,pa@no", "may not contain '@'"),
    ],
)
def test_rows_that_cannot_be_used(tmp_path: Path, row: str, said: str) -> None:
    content = {"Dataframes/PRS.csv": f"{HEADER}\n{row}\n".encode()}
    with pytest.raises(UserError, match="1 rows of the tables") as caught:
        formatted(tmp_path, content)
    assert "Dataframes/PRS.csv, line 2: " in caught.value.message
    assert said in caught.value.message
    # The advice is one for all rows.
    assert len(caught.value.message.splitlines()) == 2


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "no column place_id"),
        (b"place_id,lat\n1,2\n", "no column year"),
        (HEADER.encode() + b"\n1,2,3\n", "line 2 has 3 cells instead of 8"),
        (b"\xff\xfe", "can't decode"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, table: bytes, said: str) -> None:
    with pytest.raises(BadArchiveError, match=said):
        formatted(tmp_path, {"Dataframes/PRS.csv": table})


def test_columns_in_another_order(tmp_path: Path) -> None:
    content = members(city("PRS", 2, 48.85, 2.35))
    lines = [line.split(",") for line in content["Dataframes/PRS.csv"].decode().split()]
    content["Dataframes/PRS.csv"] = "\n".join(",".join(reversed(line)) for line in lines).encode()
    assert len(formatted(tmp_path, content).rows) == 6


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"no tables Dataframes/<city>\.csv"):
        formatted(tmp_path, {"readme.txt": b""})


def test_settings_out_of_range() -> None:
    with pytest.raises(ParameterError, match="val_share"):
        settings(val_share=1.0)


# Middles of the published cities: how near any two come on the one plane that readers take them for.
MIDDLES = {
    "Bangkok": (13.75, 100.5),
    "BuenosAires": (-34.6, -58.4),
    "LosAngeles": (34.05, -118.25),
    "MexicoCity": (19.43, -99.13),
    "OSL": (59.91, 10.75),
    "Rome": (41.9, 12.5),
    "Barcelona": (41.39, 2.17),
    "Chicago": (41.88, -87.63),
    "Madrid": (40.42, -3.7),
    "Miami": (25.77, -80.2),
    "Phoenix": (33.45, -112.07),
    "TRT": (43.65, -79.38),
    "Boston": (42.36, -71.06),
    "Lisbon": (38.72, -9.14),
    "Medellin": (6.25, -75.57),
    "Minneapolis": (44.98, -93.26),
    "PRG": (50.09, 14.42),
    "WashingtonDC": (38.9, -77.04),
    "Brussels": (50.85, 4.35),
    "London": (51.5, -0.12),
    "Melbourne": (-37.8, 144.96),
    "Osaka": (34.69, 135.5),
    "PRS": (48.86, 2.35),
}


def test_the_published_cities_make_one_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [row for name, at in MIDDLES.items() for row in city(name, 1, *at, 2)]
    with caplog.at_level(logging.WARNING):
        made = formatted(tmp_path, members(rows))
    assert len(made.rows) == 46
    assert caplog.text == ""
    metres = {place_of(row): (row.east, row.north) for row in made.rows}
    distances = sorted(
        max(abs(one[0] - other[0]), abs(one[1] - other[1]))
        for name, one in metres.items()
        for other_name, other in metres.items()
        if name < other_name
    )
    assert distances[0] > 50_000


def test_cities_at_the_same_numbers_of_metres_are_refused(tmp_path: Path) -> None:
    rows = [*city("PRS", 2, 48.85, 2.35), *city("PRG", 2, 48.85, 14.35)]
    with pytest.raises(UserError, match="PRG and PRS are in different UTM zones") as caught:
        formatted(tmp_path, members(rows))
    assert "PRS_0000000" in caught.value.message


def test_a_picture_far_from_its_city_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = [*city("PRS", 5, 48.85, 2.35), *city("Brussels", 5, 50.85, 4.35)]
    lost = city("Brussels", 6, 49.85, 4.35)[15:]
    rows += lost
    with caplog.at_level(logging.WARNING):
        formatted(tmp_path, members(rows))
    assert "3 of 18 images are more than about 50 km from the others" in caplog.text
