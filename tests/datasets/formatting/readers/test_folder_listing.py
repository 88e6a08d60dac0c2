from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.formatting.readers.folder import plan_folder
from pipeline.runtime.errors import MissingInputError
from tests.datasets.formatting.test_photo_metadata import photograph
from tests.datasets.own_photographs import make, roles, settings, told
from tests.datasets.raw_forms import jpeg


def test_all_are_told_at_once(tmp_path: Path) -> None:
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
    message = told(folder)
    for line in (
        "database/north.jpg: latitude 'north' is not a number",
        "database/empty.jpg: has no latitude",
        "database/far.jpg: latitude 91.5 is not between -80 and 84",
        "database/wide.jpg: longitude -181.0 is not between -180 and 180",
        "database/nan.jpg: longitude 'nan' is not a number",
        "database/noon.jpg: time_of_day 'noon' is not one of day, sunset, night",
        "database/when.jpg: 'yesterday' is not a date",
        "database/turn.jpg: heading 'east' is not a number",
        "database/gone.jpg: listed in line 11 of coordinates.csv, but missing",
        "database/unlisted.jpg: not listed in coordinates.csv, so it has no coordinates",
        "database/broken.jpg: empty",
        "database/good.jpg: listed a second time in line 12 of coordinates.csv",
        "(no path): listed in line 14 of coordinates.csv, but missing",
    ):
        assert line in message
    assert message.startswith(f"13 photographs of {folder} cannot be used")


def test_a_path_out_of_the_folder_is_not_there(tmp_path: Path) -> None:
    folder = make(tmp_path / "photos", {"database/a.jpg": {}})
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    with (folder / "coordinates.csv").open("a") as stream:
        stream.write("../secret.jpg,40,-80\n")
    assert "../secret.jpg: listed in line 3 of coordinates.csv, but missing" in told(folder)


def test_no_gps(tmp_path: Path) -> None:
    photograph(tmp_path / "database" / "a.jpg")
    assert "database/a.jpg: has no GPS coordinates in its EXIF data" in told(tmp_path, coordinates="exif")


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    folder = make(tmp_path, {"database/a.jpg": {}})
    (folder / os.fsdecode(b"database/\xff.jpg")).write_bytes(jpeg())
    message = told(folder, coordinates="exif")
    assert r"'database/\udcff.jpg': its name has control characters or is not UTF-8" in message


def test_a_name_with_a_line_end(tmp_path: Path) -> None:
    folder = make(tmp_path, {"database/a\nb.jpg": {}})
    assert r"'database/a\nb.jpg': its name has control characters" in told(folder)


def test_a_column_with_other_words(tmp_path: Path) -> None:
    folder = make(tmp_path, {"a.jpg": {"split": "training", "role": "db"}})
    assert "a.jpg: split 'training' is not one of train, val, test" in told(folder, split_by="column")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "coordinates.csv").write_text("path,latitude,longitude\n")
    assert "no photographs in" in told(tmp_path)


def test_missing_folder_csv_and_column(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="no such folder"):
        plan_folder(tmp_path / "nowhere", settings())
    with pytest.raises(
        MissingInputError, match=r"no such file: .*coordinates\.csv\n  set coordinates to the name of a CSV"
    ):
        plan_folder(tmp_path, settings())


def test_hidden_files_and_other_suffixes_are_passed_over(tmp_path: Path) -> None:
    folder = make(tmp_path, {"database/a.jpg": {}})
    for name in (".hidden.jpg", "notes.txt", "database/.a.jpg", "__MACOSX/a.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    assert list(roles(folder)) == ["database/a.jpg"]


def test_an_empty_line_counts_in_the_line_numbers(tmp_path: Path) -> None:
    folder = make(tmp_path, {"database/a.jpg": {}})
    with (folder / "coordinates.csv").open("a") as stream:
        stream.write("\n\ngone.jpg,40,-80\n")
    assert "gone.jpg: listed in line 5 of coordinates.csv, but missing" in told(folder)


def test_a_folder_in_it_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, {"database/a.jpg": {}, "queries/b.jpg": {}})
    scandir = os.scandir

    def refused(path: Any) -> Iterator[os.DirEntry[str]]:
        if str(path).endswith("queries"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert "cannot list the folder" in told(folder)


def test_the_first_fifty_problems_are_told(tmp_path: Path) -> None:
    message = told(make(tmp_path, {f"database/{number:02d}.jpg": {"latitude": ""} for number in range(53)}))
    assert "53 photographs" in message
    assert "database/49.jpg: has no latitude (line 51, column latitude)\n    and 3 more\n" in message
