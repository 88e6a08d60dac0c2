from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline.core.errors import BadImageError, MissingInputError, ParameterError, UserError
from pipeline.core.params import build
from pipeline.datasets.formatting import format_set
from pipeline.datasets.image_set import ImageSet
from pipeline.datasets.names import ImageName
from pipeline.datasets.readers.folder import FolderSettings, plan_folder, read_folder
from tests.datasets.raw_forms import jpeg, picture, png
from tests.datasets.test_photographs import photograph

VALUES: dict[str, Any] = {
    "coordinates": "coordinates.csv",
    "split_by": "folder",
    "queries_by": "folder",
    "jpeg_quality": 90,
}
BLOCKS: dict[str, Any] = {
    "split_by": "blocks",
    "train_share": 0.6,
    "val_share": 0.2,
    "test_share": 0.2,
    "block_metres": 200.0,
    "gap_metres": 50.0,
    "seed": 1,
}
HERE = (40.44062, -79.99589)


def settings(**changes: Any) -> FolderSettings:
    """Settings with `changes`, and what the changed choices need."""
    needed: dict[str, Any] = dict(BLOCKS) if changes.get("split_by") == "blocks" else {}
    if changes.get("queries_by") in ("date", "share"):
        needed["query_share"] = 0.3
    if changes.get("queries_by") == "share":
        needed["seed"] = 1
    return FolderSettings(**{**VALUES, **needed, **changes})


def make(folder: Path, rows: dict[str, dict[str, Any]], data: dict[str, bytes] | None = None) -> Path:
    """Photographs and their CSV; rows without coordinates lie 10 m north of each other."""
    columns = ["path", "latitude", "longitude"]
    columns += sorted({name for row in rows.values() for name in row} - set(columns))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "coordinates.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        for index, (path, row) in enumerate(rows.items()):
            place = {"latitude": HERE[0] + index * 9e-5, "longitude": HERE[1]}
            writer.writerow({"path": path, **place, **row})
    for index, path in enumerate(rows):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes((data or {}).get(path) or jpeg(seed=index))
    return folder


def made_set(folder: Path, root: Path, **changes: Any) -> ImageSet:
    return format_set(read_folder(folder, settings(**changes), folder), root, workers=2)


def roles(folder: Path, **changes: Any) -> dict[str, str]:
    plan = plan_folder(folder, settings(**changes))
    return {photo.path: f"{photo.split}/{photo.role}" for photo in plan.photographs}


def test_a_folder_with_a_csv_becomes_a_set(tmp_path: Path) -> None:
    folder = make(
        tmp_path / "photos",
        {
            "database/db1.jpg": {"latitude": HERE[0], "heading": "90.7", "date": "2019-05-31"},
            "queries/IMG 7.JPG": {"time_of_day": "night"},
        },
    )
    made = made_set(folder, tmp_path / "set")
    assert made.counts() == {"test/database": 1, "test/queries": 1}
    database, query = made.rows
    name = ImageName.parse(database.name)
    assert database.file_name == (
        "@0585157.79@4477147.65@17@T@040.44062@-079.99589@db1@@090@@@@20190531@@.jpg"
    )
    assert name.pano_id == "db1"
    assert (database.source, query.source) == ("database/db1.jpg", "queries/IMG 7.JPG")
    assert (database.time_of_day, query.time_of_day) == ("", "night")
    assert made.read(database) == (folder / "database/db1.jpg").read_bytes()
    assert "@IMG 7@" in query.name


def test_the_folder_is_not_touched(tmp_path: Path) -> None:
    folder = make(tmp_path / "photos", {"database/a.png": {}, "queries/b.jpg": {}}, {"database/a.png": png()})
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")}
    made_set(folder, tmp_path / "set")
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.rglob("*")} == before


def test_exif_coordinates(tmp_path: Path) -> None:
    for index, path in enumerate(("database/a.jpg", "queries/b.jpeg")):
        photograph(
            tmp_path / "photos" / path,
            latitude=(40.0, 26.0, 26.0 + index),
            longitude=(79.0, 59.0, 45.0),
            references=("N", "W"),
            date="2019:05:31 14:30:05",
            heading=12.0,
        )
    made = made_set(tmp_path / "photos", tmp_path / "set", coordinates="exif")
    name = ImageName.parse(made.rows[0].name)
    assert (name.latitude, name.longitude) == ("040.44056", "-079.99583")
    assert (name.timestamp, name.heading) == ("20190531_143005", "012")


def test_rotated_and_other_pictures_become_upright_jpegs(tmp_path: Path) -> None:
    turned = tmp_path / "turned.jpg"
    photograph(turned, orientation=6)
    stream = io.BytesIO()
    picture().convert("RGBA").save(stream, "PNG")
    folder = make(
        tmp_path / "photos",
        {"database/turned.jpg": {}, "database/drawn.PNG": {}, "queries/q.jpg": {}},
        {"database/turned.jpg": turned.read_bytes(), "database/drawn.PNG": stream.getvalue()},
    )
    made = made_set(folder, tmp_path / "set")
    sizes = {row.source: (row.width, row.height) for row in made.rows}
    assert sizes == {
        "database/turned.jpg": (48, 64),
        "database/drawn.PNG": (64, 48),
        "queries/q.jpg": (64, 48),
    }
    for row in made.rows:
        with Image.open(made.path(row)) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (row.width, row.height))
            assert image.getexif().get(0x0112, 1) == 1
        assert row.file_name.endswith("@.jpg")


def test_names_stay_apart_and_hold_nothing_that_breaks_them(tmp_path: Path) -> None:
    rows = {
        "database/walk1/img@1.jpg": {"latitude": HERE[0]},
        "database/walk2/img@1.jpg": {"latitude": HERE[0]},
        "database/walk2/img_1.jpg": {"latitude": HERE[0]},
        f"database/{'x' * 200}.jpg": {"latitude": HERE[0]},
        "queries/straße 12.jpg": {"latitude": HERE[0]},
    }
    made = made_set(make(tmp_path / "photos", rows), tmp_path / "set")
    pano_ids = {row.source: ImageName.parse(row.name).pano_id for row in made.rows}
    assert pano_ids["database/walk1/img@1.jpg"] == "img_1"
    assert pano_ids["database/walk2/img@1.jpg"].startswith("img_1-")
    assert pano_ids["database/walk2/img_1.jpg"].startswith("img_1-")
    assert pano_ids["queries/straße 12.jpg"] == "straße 12"
    assert pano_ids[f"database/{'x' * 200}.jpg"].startswith("x" * 120 + "-")
    assert len({row.name for row in made.rows}) == len(rows)


def test_splits_and_roles_by_folder(tmp_path: Path) -> None:
    rows = {f"{split}/{role}/a.jpg": {} for split in ("train", "val") for role in ("database", "queries")}
    assert roles(make(tmp_path, rows)) == {path: path.removesuffix("/a.jpg") for path in rows}


def test_splits_and_roles_by_column(tmp_path: Path) -> None:
    rows = {
        "a.jpg": {"split": "train", "role": "database"},
        "b.jpg": {"split": "train", "role": "queries"},
        "c.jpg": {"split": "val", "role": " queries "},
    }
    found = roles(make(tmp_path, rows), split_by="column", queries_by="column")
    assert found == {"a.jpg": "train/database", "b.jpg": "train/queries", "c.jpg": "val/queries"}


def test_the_newest_of_each_split_are_queries(tmp_path: Path) -> None:
    years = (2015, 2021, 2016, 2017)
    rows = {f"{split}/{y}.jpg": {"date": f"{y}-06-01"} for split in ("train", "test") for y in years}
    found = roles(make(tmp_path, rows), queries_by="date")
    assert sorted(path for path, place in found.items() if place.endswith("queries")) == [
        "test/2021.jpg",
        "train/2021.jpg",
    ]


def test_a_seeded_share_of_the_places_are_queries(tmp_path: Path) -> None:
    folder = make(tmp_path, {f"{index:02d}.jpg": {} for index in range(20)})
    first = roles(folder, queries_by="share")
    assert list(first.values()).count("test/queries") == 6
    assert first == roles(folder, queries_by="share")
    assert first != roles(folder, queries_by="share", seed=2)


def test_blocks_leave_out_what_stands_between_and_say_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = make(tmp_path / "photos", {f"{index:03d}.jpg": {} for index in range(150)})
    changes = {"split_by": "blocks", "queries_by": "share"}
    plan = plan_folder(folder, settings(**changes))
    assert len(plan.photographs) + len(plan.left_out) == 150
    assert 0 < len(plan.left_out) < 50
    made = made_set(folder, tmp_path / "set", **changes)
    assert len(made.rows) == len(plan.photographs)
    assert f"left out {len(plan.left_out)} of 150 photographs, closer than 50 m" in caplog.text
    positions = {
        split: np.array([(row.east, row.north) for row in made.where(split=split)])
        for split in ("train", "val", "test")
    }
    for one in positions:
        for other in positions:
            if one != other:
                apart = np.linalg.norm(positions[one][:, None] - positions[other][None], axis=-1)
                assert apart.min() >= 50


class TestProblems:
    def told(self, folder: Path, **changes: Any) -> str:
        with pytest.raises(UserError) as caught:
            list(read_folder(folder, settings(**changes), folder))
        return str(caught.value)

    def test_all_are_told_at_once(self, tmp_path: Path) -> None:
        rows: dict[str, dict[str, Any]] = {
            "database/good.jpg": {},
            "database/north.jpg": {"latitude": "north"},
            "database/empty.jpg": {"latitude": ""},
            "database/far.jpg": {"latitude": "91.5"},
            "database/wide.jpg": {"longitude": "-181"},
            "database/nan.jpg": {"longitude": "nan"},
            "database/noon.jpg": {"time_of_day": "noon"},
            "database/when.jpg": {"date": "yesterday"},
            "database/turn.jpg": {"heading": "east"},
            "database/gone.jpg": {},
        }
        folder = make(tmp_path, rows)
        (folder / "database/gone.jpg").unlink()
        (folder / "database/unlisted.jpg").write_bytes(jpeg())
        (folder / "database/broken.jpg").write_bytes(b"")
        with (folder / "coordinates.csv").open("a") as stream:
            stream.write("database/good.jpg,40,-80,,,\ndatabase/broken.jpg,40,-80,,,\n,1,2,,,\n")
        message = self.told(folder)
        for line in (
            "database/north.jpg: latitude 'north' is not a number",
            "database/empty.jpg: has no latitude",
            "database/far.jpg: latitude 91.5 is not between -80 and 84",
            "database/wide.jpg: longitude -181.0 is not between -180 and 180",
            "database/nan.jpg: longitude 'nan' is not a number",
            "database/noon.jpg: time_of_day 'noon' is none of day, sunset, night",
            "database/when.jpg: 'yesterday' is no date",
            "database/turn.jpg: heading 'east' is not a number",
            "database/gone.jpg: listed in line 11 of coordinates.csv, but not there",
            "database/unlisted.jpg: coordinates.csv does not list it, so it has no coordinates",
            "database/broken.jpg: is no picture that can be read",
            "database/good.jpg: listed a second time in line 12 of coordinates.csv",
            "(no path): listed in line 14 of coordinates.csv, but not there",
        ):
            assert line in message
        assert message.startswith(f"13 photographs of {folder} cannot be used")

    def test_a_path_out_of_the_folder_is_not_there(self, tmp_path: Path) -> None:
        folder = make(tmp_path / "photos", {"database/a.jpg": {}})
        (tmp_path / "secret.jpg").write_bytes(jpeg())
        with (folder / "coordinates.csv").open("a") as stream:
            stream.write("../secret.jpg,40,-80\n")
        assert "../secret.jpg: listed in line 3 of coordinates.csv, but not there" in self.told(folder)

    def test_no_gps(self, tmp_path: Path) -> None:
        photograph(tmp_path / "database" / "a.jpg")
        assert "database/a.jpg: has no GPS coordinates in its EXIF data" in self.told(
            tmp_path, coordinates="exif"
        )

    def test_a_name_that_is_not_utf_8(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"database/a.jpg": {}})
        (folder / os.fsdecode(b"database/\xff.jpg")).write_bytes(jpeg())
        message = self.told(folder, coordinates="exif")
        assert r"'database/\udcff.jpg': its name holds control characters or is not UTF-8" in message

    def test_a_name_with_a_line_end(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"database/a\nb.jpg": {}})
        assert r"'database/a\nb.jpg': its name holds control characters" in self.told(folder)

    def test_no_role_folder(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"database/a.jpg": {}, "b.jpg": {}})
        assert "b.jpg: lies in no folder database or queries" in self.told(folder)

    def test_some_in_no_split_folder(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"train/database/a.jpg": {}, "database/b.jpg": {}})
        assert "database/b.jpg: lies in no folder train, val or test, while others do" in self.told(folder)

    def test_empty_columns(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"a.jpg": {"split": "train", "role": ""}, "b.jpg": {"split": "", "role": ""}})
        assert "b.jpg: has no split in the CSV" in self.told(folder, split_by="column")
        assert "a.jpg: has no role in the CSV" in self.told(folder, queries_by="column")

    def test_a_column_with_other_words(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"a.jpg": {"split": "training", "role": "db"}})
        assert "a.jpg: split 'training' is none of train, val, test" in self.told(folder, split_by="column")

    def test_no_dates(self, tmp_path: Path) -> None:
        folder = make(tmp_path, {"a.jpg": {"date": "2019"}, "b.jpg": {"date": "2019-05-31"}})
        message = self.told(folder, queries_by="date")
        assert "1 photographs" in message
        assert "a.jpg: has no date (year, month and day)" in message

    def test_one_day_or_one_place_cannot_be_told_apart(self, tmp_path: Path) -> None:
        rows = {name: {"date": "2019-05-31", "latitude": HERE[0]} for name in ("a.jpg", "b.jpg")}
        folder = make(tmp_path, rows)
        for how, what in (("date", "day"), ("share", "place")):
            message = self.told(folder, queries_by=how)
            assert f"2 photographs of test in {folder} cannot be told apart by {how}" in message
            assert f"all are of one {what}" in message

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        (tmp_path / "coordinates.csv").write_text("path,latitude,longitude\n")
        assert "no photographs in" in self.told(tmp_path)

    def test_missing_folder_csv_and_column(self, tmp_path: Path) -> None:
        with pytest.raises(MissingInputError, match="no such folder"):
            plan_folder(tmp_path / "nowhere", settings())
        with pytest.raises(
            MissingInputError, match=r"no such file: .*coordinates\.csv\n  give the name of a CSV"
        ):
            plan_folder(tmp_path, settings())

    def test_a_truncated_photograph_is_named_when_it_is_decoded(self, tmp_path: Path) -> None:
        folder = make(tmp_path / "photos", {"database/a.jpg": {}, "queries/q.jpg": {}})
        whole = (folder / "database/a.jpg").read_bytes()
        (folder / "database/a.jpg").write_bytes(whole[:-200])
        with pytest.raises(BadImageError, match=r"database/a\.jpg"):
            made_set(folder, tmp_path / "set")


def test_hidden_files_and_other_suffixes_are_passed_over(tmp_path: Path) -> None:
    folder = make(tmp_path, {"database/a.jpg": {}})
    for name in (".hidden.jpg", "notes.txt", "database/.a.jpg", "__MACOSX/a.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    assert list(roles(folder)) == ["database/a.jpg"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("split_by", "time", "format.own.split_by must be one of folder, column, blocks"),
        ("queries_by", "luck", "format.own.queries_by must be one of folder, column, date, share"),
        ("train_share", -1, "must be 0 or more, and one above 0"),
        ("query_share", 0, "query_share must lie between 0 and 1, not 0.0"),
        ("query_share", 1, "query_share must lie between 0 and 1, not 1.0"),
        ("seed", -1, "seed must be given, 0 or more, not -1"),
        ("gap_metres", 49, "gap_metres must be at least 50, not 49.0"),
        ("block_metres", 0, "block_metres must be above 0, not 0.0"),
        ("jpeg_quality", 99, "jpeg_quality must lie between 1 and 95, not 99"),
    ],
)
def test_settings_out_of_range(name: str, value: Any, message: str) -> None:
    whole = {**VALUES, **BLOCKS, "queries_by": "share", "query_share": 0.3}
    with pytest.raises(ParameterError, match=message):
        build(FolderSettings, {**whole, name: value}, "format.own")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "seed is not used with split_by folder and queries_by folder"),
        ({"queries_by": "date", "query_share": 0.3, "gap_metres": 50.0}, "gap_metres is not used"),
        ({"queries_by": "share", "query_share": 0.3}, "seed must be given"),
        ({"queries_by": "date"}, "query_share must lie between 0 and 1, not 0.0"),
        ({"split_by": "blocks", "seed": 1}, "train_share, val_share and test_share must be 0 or more"),
    ],
)
def test_a_choice_takes_just_the_settings_that_it_needs(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build(FolderSettings, {**VALUES, **changes}, "format.own")


def test_columns_need_a_csv() -> None:
    with pytest.raises(ParameterError, match="can be column only with coordinates in a CSV"):
        build(FolderSettings, {**VALUES, "coordinates": "exif", "split_by": "column"}, "format.own")
