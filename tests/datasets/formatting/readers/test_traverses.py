from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.datasets.formatting.readers.frames import number_of
from pipeline.datasets.formatting.readers.traverses import read_traverses
from pipeline.datasets.image_set.image_names import ImageName
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import MissingInputError, ParameterError, UserError
from tests.datasets.raw_forms import jpeg, png
from tests.datasets.walks import WALKS, made_walks, make_walks, settings


def refused(raw: Path, **changes: Any) -> str:
    """What the user is told, before the first image, of walks that cannot be used."""
    with pytest.raises(UserError) as caught:
        next(read_traverses(raw, settings(**changes), raw))
    return str(caught.value)


def test_two_walks_become_a_set_whose_positions_count_frames(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    made = made_walks(raw, tmp_path / "set")
    assert made.counts() == {"test/database": 4, "test/queries": 4}
    assert made.positions_in == "frames"
    assert ImageSet.open(made.root) == made
    database, queries = made.where(role="database"), made.where(role="queries")
    assert [(row.east, row.north) for row in database] == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert [row.east for row in queries] == [0, 1, 2, 3]
    assert {row.time_of_day for row in database} == {"day"}
    assert {row.time_of_day for row in queries} == {"night"}
    assert queries[1].source == "night_right/Image001.jpg"
    assert made.read(queries[1]) == (raw / "night_right/Image001.jpg").read_bytes()
    assert queries[1].file_name == "@0000001.00@0000000.00@@@@@night_right_00001@@@@@@@@.jpg"
    name = ImageName.parse(queries[1].file_name)
    assert (name.utm_zone_number, name.utm_zone_letter, name.latitude, name.longitude) == ("", "", "", "")


def test_the_manifest_says_what_positions_count(tmp_path: Path) -> None:
    made = made_walks(make_walks(tmp_path / "raw"), tmp_path / "set")
    header, first, *_ = (made.root / "manifest.csv").read_text().splitlines()
    assert header.endswith(",time_of_day,positions_in")
    assert first.endswith(",day,frames")


def test_positions_begin_at_the_smallest_number(tmp_path: Path) -> None:
    made = made_walks(make_walks(tmp_path / "raw", range(7, 10)), tmp_path / "set")
    rows = made.where(role="database")
    assert [row.east for row in rows] == [0, 1, 2]
    assert ImageName.parse(rows[0].name).pano_id == "day_left_00007"


def test_a_step_keeps_every_so_many_th_frame_at_its_place(tmp_path: Path) -> None:
    made = made_walks(make_walks(tmp_path / "raw", range(3, 10)), tmp_path / "set", frame_step=3)
    assert [row.source for row in made.where(role="database")] == [
        f"day_left/Image00{number}.jpg" for number in (3, 6, 9)
    ]
    assert [row.east for row in made.where(role="queries")] == [0, 3, 6]


def test_what_is_no_plain_jpeg_is_encoded_again(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    (raw / "day_left/Image002.jpg").unlink()
    (raw / "day_left/Image002.PNG").write_bytes(png())
    made = made_walks(raw, tmp_path / "set")
    row = made.where(role="database")[2]
    assert row.name.endswith("@.jpg")
    with Image.open(made.path(row)) as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))


def test_the_walks_are_not_touched(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in raw.rglob("*")}
    made_walks(raw, tmp_path / "set")
    assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in raw.rglob("*")} == before


def test_other_folders_are_left_out(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw", folders=(*WALKS, "day_right"))
    assert len(made_walks(raw, tmp_path / "set").rows) == 8


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("day_left/Image007.jpg", 7),
        ("images-00202.png", 202),
        ("pass2/frame_0012_left.jpg", 12),
        ("100909_0845_00031.jpg", 31),
        ("cover.jpg", None),
    ],
)
def test_the_number_is_the_last_run_of_digits_in_the_stem(path: str, number: int | None) -> None:
    assert number_of(path) == number


def test_gaps_are_named_in_full(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw", (0, 1, 3, 7, 8))
    told = refused(raw)
    assert (
        f"{raw}/day_left: 4 frame numbers are missing between 0 (Image000.jpg) and 8 (Image008.jpg):" in told
    )
    assert "\n    2\n    4 to 6" in told
    assert "add the missing frames; if a dataset leaves out frames on purpose, use form traverses" in told


def test_walks_of_other_lengths_are_refused(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    (raw / "night_right/Image003.jpg").unlink()
    (raw / "night_right/Image002.jpg").unlink()
    told = refused(raw)
    assert "day_left (4 frames, 0 to 3) and night_right (2 frames, 0 to 1)" in told
    assert "2 images have no counterpart:" in told
    assert (
        "day_left/Image002.jpg (no 2 in night_right)\n    day_left/Image003.jpg (no 3 in night_right)" in told
    )


def test_walks_of_other_numbers_are_refused_from_both_sides(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw", range(3), ["day_left"])
    make_walks(raw, range(1, 4), ["night_right"])
    told = refused(raw)
    assert "day_left/Image000.jpg (no 0 in night_right)" in told
    assert "night_right/Image003.jpg (no 3 in day_left)" in told


def test_two_files_of_one_number_are_refused(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    (raw / "day_left/copy 1.jpg").write_bytes(jpeg())
    told = refused(raw)
    assert f"1 frame numbers of {raw}/day_left have more than one image:" in told
    assert "1: Image001.jpg, copy 1.jpg" in told


def test_a_file_without_a_number_is_refused(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    (raw / "night_right/cover.jpg").write_bytes(jpeg())
    told = refused(raw)
    assert f"1 images of {raw}/night_right have no frame number in their name:\n    cover.jpg" in told


def test_a_walk_without_pictures_is_refused(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw", folders=["day_left"])
    (raw / "night_right").mkdir()
    assert f"no images in {raw}/night_right" in refused(raw)


def test_missing_folders_are_named_with_those_that_are_there(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw", folders=["day_left"])
    with pytest.raises(MissingInputError, match="1 of 2 traverses have no folder") as caught:
        next(read_traverses(raw, settings(), raw))
    assert "\n    night_right" in str(caught.value)
    assert "folders found: day_left" in str(caught.value.hint)


def test_a_missing_raw_folder_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "raw") in refused(tmp_path / "raw")


def test_frames_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    raw = make_walks(tmp_path / "raw")
    (raw / "night_right/Image001.jpg").write_bytes(b"no image")
    told = refused(raw)
    assert f"1 of 8 frames of {raw} cannot be used:" in told
    assert "night_right/Image001.jpg: not an image that can be read" in told


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"traverses": {"a": WALKS["day_left"]}}, "no folder has the role queries"),
        ({"traverses": {"a": WALKS["night_right"]}}, "no folder has the role database"),
        ({"traverses": {}}, "no folder has the role database"),
        ({"traverses": {"../a": WALKS["day_left"]}}, "'../a' is not inside raw"),
        ({"traverses": {"a@b": WALKS["day_left"]}}, "may not contain '@'"),
        ({"traverses": {"a": "database"}}, "traverses.a must be a section with role and time_of_day"),
        ({"traverses": {"a": {"role": "database"}}}, "traverses.a: missing parameter time_of_day"),
        (
            {"traverses": {"a": {"role": "query", "time_of_day": "day"}}},
            "traverses.a.role must be one of database, queries, not 'query'",
        ),
        (
            {"traverses": {"a": {"role": "queries", "time_of_day": "dusk"}}},
            "traverses.a.time_of_day must be one of day, sunset, night",
        ),
        (
            {"traverses": {"a": WALKS["day_left"], "a/b": WALKS["night_right"]}},
            "one folder may not be in another: a/b in a",
        ),
        ({"split": "testing"}, "split must be one of train, val, test"),
        ({"frame_step": 0}, "frame_step must be at least 1, not 0"),
        ({"jpeg_quality": 99}, "jpeg_quality must be between 1 and 95, not 99"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=r"format\.walk") as caught:
        settings(**changes)
    assert message in caught.value.message
