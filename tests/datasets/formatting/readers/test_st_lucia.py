"""St Lucia's passes: frames of a video by their line of GPS, as the published loop keeps them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.image_io import read_rgb
from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.st_lucia import (
    StLuciaSettings,
    frame_names,
    kept_frames,
    read_st_lucia,
)
from pipeline.datasets.image_set.image_names import name_at
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.runtime.errors import MissingInputError, ParameterError, UserError
from tests.datasets.raw_forms import golden

CASE = golden("today_sets.json")["st_lucia"]
LINES = [frame["fgps_line"] for frame in CASE["frames"]]
DATABASE, QUERIES = "100909_0845", "210809_1210"


def settings(**changes: Any) -> StLuciaSettings:
    values = {"database": DATABASE, "queries": QUERIES, "metres": 5, "split": "test", "jpeg_quality": 95}
    return build(StLuciaSettings, {**values, **changes}, "format.st_lucia")


def make_pass(folder: Path, lines: list[str], frames: int) -> None:
    """A pass whose frame n has the grey 10 + 20 n."""
    folder.mkdir(parents=True)
    (folder / "fGPS.txt").write_text("\r\n".join(lines) + "\r\n")
    motion_jpeg = cv2.VideoWriter_fourcc(*"MJPG")  # type: ignore[attr-defined]
    writer = cv2.VideoWriter(str(folder / "webcam_video.avi"), motion_jpeg, 15, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 10 + 20 * number, np.uint8))
    writer.release()


def make_passes(raw: Path, lines: list[str] = LINES, frames: int = len(LINES)) -> Path:
    for name in (DATABASE, QUERIES):
        make_pass(raw / name, lines, frames)
    return raw


def made_passes(raw: Path, root: Path, **changes: Any) -> ImageSet:
    return format_set(read_st_lucia(raw, settings(**changes), raw), root, workers=2)


def test_frames_are_named_and_kept_as_published(tmp_path: Path) -> None:
    made = made_passes(make_passes(tmp_path / "raw"), tmp_path / "set")
    wanted = {frame["frame"]: frame["name"] for frame in CASE["frames"] if frame["name"]}
    database, queries = made.where(role="database"), made.where(role="queries")
    assert sorted(row.file_name for row in database) == sorted(wanted.values())
    assert len(queries) == len(wanted)
    assert made.positions_in == ""
    assert {row.time_of_day for row in made.rows} == {"day"}
    for row in database:
        frame = int(row.source.rpartition("/")[2])
        assert row.source == f"{DATABASE}/webcam_video.avi/{frame:05d}"
        assert row.file_name == wanted[frame]
        assert read_rgb(made.read(row)).mean() == pytest.approx(10 + 20 * frame, abs=3)


@given(st.lists(st.floats(0, 0.0005), min_size=1, max_size=30), st.floats(1, 20))
def test_frames_are_kept_from_the_last_one_kept_on(steps: list[float], metres: float) -> None:
    names = [name_at(-27.5 - latitude, 153.0) for latitude in np.cumsum(steps)]
    kept = kept_frames(names, metres)
    assert kept[0] == 0
    for frame in range(1, len(names)):
        last = names[max(one for one in kept if one < frame)]
        apart = math.hypot(names[frame].east - last.east, names[frame].north - last.north)
        assert (frame in kept) == (apart >= metres)


def test_a_minus_that_is_there_counts_once(tmp_path: Path) -> None:
    path = tmp_path / "fGPS.txt"
    path.write_text(f"-{LINES[0]}\n{LINES[0]}\n")
    one, other = frame_names(path, DATABASE)
    assert (one.latitude, one.utm_northing) == (other.latitude, other.utm_northing)


def test_a_video_that_ends_early_makes_no_set(tmp_path: Path) -> None:
    raw = make_passes(tmp_path / "raw", frames=len(LINES) - 1)
    with pytest.raises(UserError, match=r"has 5 readable frames, but fGPS\.txt beside it has 6 lines"):
        made_passes(raw, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_video_that_goes_on_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made_passes(make_passes(tmp_path / "raw", frames=len(LINES) + 2), tmp_path / "set")
    assert "has 8 frames, fGPS.txt only 6 lines: the last frames are left out" in caplog.text


def test_what_is_no_video_is_told(tmp_path: Path) -> None:
    raw = make_passes(tmp_path / "raw")
    (raw / QUERIES / "webcam_video.avi").write_bytes(b"a page that says: sign in")
    with pytest.raises(UserError, match="has 0 readable frames"):
        made_passes(raw, tmp_path / "set")


@pytest.mark.parametrize("line", ["27.5", "27.5;153.0", "nan,153", "27.5,153,0", "", "91,153"])
def test_lines_that_are_no_positions_are_named(tmp_path: Path, line: str) -> None:
    raw = make_passes(tmp_path / "raw", [LINES[0], line, LINES[1]], 3)
    with pytest.raises(
        UserError, match=r"1 of 3 lines of .*fGPS\.txt are not latitude and longitude"
    ) as told:
        next(read_st_lucia(raw, settings(), raw))
    assert f"line 2: {line!r}" in str(told.value)


@pytest.mark.parametrize("missing", ["webcam_video.avi", "fGPS.txt"])
def test_what_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    raw = make_passes(tmp_path / "raw")
    (raw / QUERIES / missing).unlink()
    with pytest.raises(MissingInputError, match=f"{QUERIES}/{missing}"):
        next(read_st_lucia(raw, settings(), raw))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"database": 1009090845}, "database must be str"),
        ({"database": QUERIES}, "database and queries are the same pass"),
        ({"queries": "../other"}, "'../other' is not a folder in raw"),
        ({"metres": 0}, "metres must be above 0"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=r"format\.st_lucia") as caught:
        settings(**changes)
    assert message in caught.value.message
