"""Walks whose frame numbers do not correspond: Alderley's file of matches, Nordland's list of frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.datasets.formatting.readers.traverses import placed_frames, read_matches, read_traverses
from pipeline.datasets.image_set.image_names import ImageName, position_of
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.radius_search import within
from pipeline.runtime.errors import MissingInputError, ParameterError, UserError
from tests.datasets.raw_forms import golden, jpeg, png
from tests.datasets.walks import made_walks, settings

CASES = golden("today_sets.json")
ALDERLEY: dict[str, Any] = {
    "traverses": {
        "FRAMESA": {"role": "queries", "time_of_day": "night"},
        "FRAMESB": {"role": "database", "time_of_day": "day"},
    },
    "matches": {"file": "framematches.csv", "first": "FRAMESA", "second": "FRAMESB"},
}
# Day frame 4 is where the car stood by night: frames 3 to 5 have no line, and 6 has two.
LINES = "1,1\n2,2\n6,3\n6,4\n7,5\n"


def make_alderley(raw: Path, lines: str = LINES, nights: int = 8, days: int = 5) -> Path:
    for folder, count in (("FRAMESA", nights), ("FRAMESB", days)):
        (raw / folder).mkdir(parents=True)
        for number in range(1, count + 1):
            (raw / folder / f"Image{number:05d}.jpg").write_bytes(jpeg(seed=100 * count + number))
    (raw / "framematches.csv").write_text(lines)
    return raw


def nordland(database: str, queries: str, **changes: Any) -> dict[str, Any]:
    """The section of one of the sets that are called Nordland."""
    traverses = {
        database: {"role": "database", "time_of_day": "day"},
        queries: {"role": "queries", "time_of_day": "day", **changes},
    }
    return {"traverses": traverses, "frame_list": "cleanImageNames.txt"}


def make_nordland(raw: Path, numbers: list[int], listed: list[str], suffix: str = ".png") -> Path:
    for folder in ("summer", "winter"):
        (raw / folder).mkdir(parents=True)
        for number in numbers:
            (raw / folder / f"images-{number:05d}{suffix}").write_bytes(png(16, 12, seed=number))
    (raw / "cleanImageNames.txt").write_text("\n".join(listed) + "\n")
    return raw


def refused(raw: Path, **changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        next(read_traverses(raw, settings(**changes), raw))
    return str(caught.value)


def found(images: ImageSet, radius: float) -> dict[str, list[str]]:
    """The panoramas of right answers to each query, by its own."""
    queries, database = images.where(role="queries"), images.where(role="database")
    ground = [np.array([(row.east, row.north) for row in rows]) for rows in (queries, database)]
    return {
        ImageName.parse(query.name).pano_id: [ImageName.parse(database[index].name).pano_id for index in near]
        for query, near in zip(queries, within(*ground, radius), strict=True)
    }


def test_lines_of_matches_mean_the_frames_that_others_read(tmp_path: Path) -> None:
    case = CASES["alderley"]
    path = tmp_path / "framematches.csv"
    path.write_text("\ufeff" + "\r\n".join([*case["framematches_csv"], ""]), encoding="utf-8")
    matched, wrong = read_matches(path)
    assert wrong == []
    assert [
        {"line": line, "night": f"FRAMESA/Image{night:05d}.jpg", "day": f"FRAMESB/Image{day:05d}.jpg"}
        for line, (day, night) in zip(case["framematches_csv"], matched.items(), strict=True)
    ] == case["pairs"]


def test_positions_of_alderley_count_frames_of_the_night(tmp_path: Path) -> None:
    made = made_walks(make_alderley(tmp_path / "raw"), tmp_path / "set", **ALDERLEY)
    assert made.positions_in == "frames"
    assert [row.east for row in made.where(role="queries")] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [row.east for row in made.where(role="database")] == [0, 1, 5, 5, 6]
    assert {row.time_of_day for row in made.where(role="queries")} == {"night"}
    same = found(made, 0)
    assert same["FRAMESA_00006"] == ["FRAMESB_00003", "FRAMESB_00004"]
    assert same["FRAMESA_00004"] == []
    assert found(made, 2)["FRAMESA_00004"] == ["FRAMESB_00002", "FRAMESB_00003", "FRAMESB_00004"]


def test_alderley_may_ask_the_other_way_round(tmp_path: Path) -> None:
    turned = {
        "FRAMESA": {"role": "database", "time_of_day": "night"},
        "FRAMESB": {"role": "queries", "time_of_day": "day"},
    }
    made = made_walks(make_alderley(tmp_path / "raw"), tmp_path / "set", **ALDERLEY | {"traverses": turned})
    assert found(made, 0)["FRAMESB_00003"] == ["FRAMESA_00006"]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("1,1\n2,2\n3,3\n4,4\n", "FRAMESB/Image00005.jpg has no line"),
        (LINES + "8,6\n", "FRAMESB has no frame 6"),
        (LINES.replace("7,5", "9,5"), "FRAMESB 5 is matched with 9, but FRAMESA has no such frame"),
        (LINES + "8,5\n", "line 6: 5 is matched with 8, but earlier with 7"),
        ("night,day\n" + LINES, "line 1: 'night,day' is not two frame numbers"),
        (LINES.replace(",", ";"), "line 1: '1;1' is not two frame numbers"),
        (LINES.replace("6,3", "6,3,1"), "line 3: '6,3,1' is not two frame numbers"),
    ],
)
def test_matches_that_do_not_fit_are_named(tmp_path: Path, lines: str, named: str) -> None:
    told = refused(make_alderley(tmp_path / "raw", lines), **ALDERLEY)
    assert named in told
    assert "does not match the frames of FRAMESA and FRAMESB" in told
    assert "if it is the other way round, swap first and second" in told


def test_columns_that_are_exchanged_are_seen(tmp_path: Path) -> None:
    turned = "\n".join(",".join(reversed(line.split(","))) for line in LINES.split()) + "\n"
    told = refused(make_alderley(tmp_path / "raw", turned), **ALDERLEY)
    assert "FRAMESB has no frame 7" in told
    assert "FRAMESB/Image00005.jpg has no line" in told


def test_a_file_of_matches_that_is_not_there_is_named(tmp_path: Path) -> None:
    raw = make_alderley(tmp_path / "raw")
    (raw / "framematches.csv").unlink()
    with pytest.raises(MissingInputError, match=r"framematches\.csv"):
        next(read_traverses(raw, settings(**ALDERLEY), raw))


def test_a_list_says_which_frames_of_nordland_are_meant(tmp_path: Path) -> None:
    case = CASES["nordland"]["selection"]
    numbers = [int(name[7:12]) for name in case["in_the_folder"]]
    raw = make_nordland(tmp_path / "raw", numbers, case["in_the_list"])
    made = made_walks(raw, tmp_path / "set", **nordland("summer", "winter"))
    database = made.where(role="database")
    assert [row.source.rpartition("/")[2] for row in database] == case["in_the_list"]
    # The published names count the same places, in steps of 2.38 m.
    step = CASES["nordland"]["metres_between_frames"]
    published = [position_of(name)[1] for name in case["names"]]
    assert [row.east for row in database] == pytest.approx([north / step for north in published], abs=0.03)


def test_frames_of_nordland_may_be_jpegs_by_now(tmp_path: Path) -> None:
    raw = make_nordland(tmp_path / "raw", [202, 203], ["images-00202.png", "", "images-00203.png"], ".jpg")
    assert made_walks(raw, tmp_path / "set", **nordland("winter", "summer")).counts() == {
        "test/database": 2,
        "test/queries": 2,
    }


def test_frames_that_one_season_lacks_are_named(tmp_path: Path) -> None:
    raw = make_nordland(tmp_path / "raw", [202, 203], ["images-00202.png", "images-00203.png"])
    (raw / "winter/images-00203.png").rename(raw / "winter/images-00204.png")
    told = refused(raw, **nordland("summer", "winter"))
    assert "lists 2 frames, with 1 errors:\n    winter has no images-00203.png" in told
    assert "an archive of other frames has other places under these names" in told


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        (["images-00202.png", "names.png"], "line 2: 'names.png' has no frame number"),
        (
            ["images-00202.png", "summer-00202.png"],
            "line 2: summer-00202.png has the same number as images-00202",
        ),
        ([], "lists 0 frames"),
    ],
)
def test_lists_that_are_refused(tmp_path: Path, listed: list[str], named: str) -> None:
    raw = make_nordland(tmp_path / "raw", [202], listed)
    assert named in refused(raw, **nordland("summer", "winter"))


def ten_to_either_side(query: int, count: int) -> list[int]:
    return list(range(max(0, query - 10), min(count, query + 11)))


def one_to_either_side_of_every_tenth(query: int, count: int) -> list[int]:
    return [frame for frame in range(10 * query - 1, 10 * query + 2) if 0 <= frame < count]


def test_the_published_labels_keep_to_these_rules() -> None:
    cases, count = CASES["nordland"], 27_592
    for one in cases["positives_by_25_m"]:
        assert ten_to_either_side(one["query"], count) == list(range(one["first"], one["last"] + 1))
    for one in cases["vpr_bench"]["examples"]:
        assert one_to_either_side_of_every_tenth(one["query"], count) == one["references"]


@pytest.mark.parametrize(
    ("section", "radius", "rule"),
    [
        (nordland("summer", "winter"), 10, ten_to_either_side),
        (nordland("winter", "summer", frame_step=10), 1, one_to_either_side_of_every_tenth),
    ],
)
def test_tolerances_of_two_sets_of_nordland(
    tmp_path: Path, section: dict[str, Any], radius: float, rule: Callable[[int, int], list[int]]
) -> None:
    """They count places in the list, over its gaps: 01259 is followed by 01810."""
    names = [f"images-{number:05d}.png" for number in (*range(1240, 1260), *range(1810, 1832))]
    for folder in ("summer", "winter"):
        (tmp_path / folder).mkdir()
        for name in (*names, "images-01500.png"):
            (tmp_path / folder / name).touch()
    (tmp_path / "cleanImageNames.txt").write_text("\n".join(names))
    settled = settings(**section)
    ground = {
        settled.by_folder[folder].role: np.array([(frame.place, 0.0) for frame in frames])
        for folder, frames in placed_frames(tmp_path, settled).items()
    }
    near = within(ground["queries"], ground["database"], radius)
    assert [sorted(one) for one in near] == [rule(query, len(names)) for query in range(len(near))]


def test_published_names_of_nordland_give_the_same_within_25_metres() -> None:
    """Whether their last digit is rounded or cut; it is the form `common` that reads them."""
    assert {position_of(frame["name"])[0] for frame in CASES["nordland"]["frames"]} == {0.0}
    step = CASES["nordland"]["metres_between_frames"]
    for decimal in (np.round, lambda metres, _: np.floor(10 * metres) / 10):
        north = decimal(np.arange(27_592) * step, 1)
        for frame in CASES["nordland"]["frames"]:
            key = "name" if decimal is np.round else "before_2024_05_22"
            assert north[frame["n"]] == pytest.approx(position_of(frame[key])[1])
        ground = np.stack([np.zeros_like(north), north], axis=1)
        near = within(ground, ground, 25)
        for one in CASES["nordland"]["positives_by_25_m"]:
            assert sorted(near[one["query"]]) == list(range(one["first"], one["last"] + 1))


def test_each_traverse_may_have_a_step_of_its_own(tmp_path: Path) -> None:
    raw = make_nordland(tmp_path / "raw", [3, 4, 5, 6], [f"images-{n:05d}.png" for n in range(3, 7)])
    made = made_walks(raw, tmp_path / "set", **nordland("winter", "summer", frame_step=2))
    assert made.counts() == {"test/database": 4, "test/queries": 2}
    assert [row.east for row in made.where(role="queries")] == [0, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (ALDERLEY | {"frame_list": "list.txt"}, "frame_list is not used with matches"),
        (
            {"matches": ALDERLEY["matches"]},
            "first and second must be the two traverses, day_left and night_r",
        ),
        ({"matches": ALDERLEY["matches"] | {"file": "../a.csv"}}, "file: '../a.csv' is not inside raw"),
        ({"matches": {"file": "a.csv"}}, "missing parameter first, second"),
        ({"frame_list": "/list.txt"}, "frame_list: '/list.txt' is not inside raw"),
        (nordland("summer", "winter", frame_step=0), "frame_step must be at least 1, not 0"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=r"format\.walk") as caught:
        settings(**changes)
    assert message in caught.value.message
