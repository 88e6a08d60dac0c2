from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.datasets.formatting.readers.folder import plan_folder
from pipeline.datasets.image_set.image_names import ImageName
from pipeline.runtime.errors import BadImageError
from tests.datasets.formatting.test_photo_metadata import photograph
from tests.datasets.own_photographs import HERE, made_set, make, roles, settings, told
from tests.datasets.raw_forms import picture, png


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


def test_no_role_folder(tmp_path: Path) -> None:
    folder = make(tmp_path, {"database/a.jpg": {}, "b.jpg": {}})
    assert "b.jpg: is not in a folder database or queries" in told(folder)


def test_some_in_no_split_folder(tmp_path: Path) -> None:
    folder = make(tmp_path, {"train/database/a.jpg": {}, "database/b.jpg": {}})
    assert "database/b.jpg: is not in a folder train, val or test, but others are" in told(folder)


def test_empty_columns(tmp_path: Path) -> None:
    folder = make(tmp_path, {"a.jpg": {"split": "train", "role": ""}, "b.jpg": {"split": "", "role": ""}})
    assert "b.jpg: has no split in the CSV" in told(folder, split_by="column")
    assert "a.jpg: has no role in the CSV" in told(folder, queries_by="column")


def test_no_dates(tmp_path: Path) -> None:
    folder = make(tmp_path, {"a.jpg": {"date": "2019"}, "b.jpg": {"date": "2019-05-31"}})
    message = told(folder, queries_by="date")
    assert "1 photographs" in message
    assert "a.jpg: has no date (year, month and day)" in message


def test_one_day_or_one_place_cannot_be_told_apart(tmp_path: Path) -> None:
    rows = {name: {"date": "2019-05-31", "latitude": HERE[0]} for name in ("a.jpg", "b.jpg")}
    folder = make(tmp_path, rows)
    for how, what in (("date", "day"), ("share", "place")):
        message = told(folder, queries_by=how)
        assert f"2 photographs of test in {folder} cannot be divided by {how}" in message
        assert f"all are from one {what}" in message


def test_a_truncated_photograph_is_named_when_it_is_decoded(tmp_path: Path) -> None:
    folder = make(tmp_path / "photos", {"database/a.jpg": {}, "queries/q.jpg": {}})
    whole = (folder / "database/a.jpg").read_bytes()
    (folder / "database/a.jpg").write_bytes(whole[:-200])
    with pytest.raises(BadImageError, match=r"database/a\.jpg"):
        made_set(folder, tmp_path / "set")
