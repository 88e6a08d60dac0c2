"""The benchmark on real photographs, on small made-up ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from benchmarks.real_nights import hits_of, main, table, walk_tests, webcam_test
from pipeline.runtime.errors import UserError
from tests.datasets.raw_forms import jpeg
from tests.datasets.walks import make_walks
from tests.vpr.experiments.test_model_file import given

FOLDERS = ("day_left", "day_right", "night_right")


class Means(nn.Module):
    """The mean colour of a few cells: no two made-up images have the same."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.adaptive_avg_pool2d(x, 4).flatten(1)


def webcams(folder: Path, rows: Iterable[tuple[str, str, str]]) -> Path:
    folder.mkdir()
    lines = ["file,camera,condition"]
    for seed, (name, camera, condition) in enumerate(rows):
        (folder / name).write_bytes(jpeg(seed=seed))
        lines.append(f"{name},{camera},{condition}")
    (folder / "cameras.csv").write_text("\n".join(lines) + "\n")
    return folder


ROWS = [
    ("a.jpg", "one", "day"),
    ("b.jpg", "one", "day"),
    ("c.jpg", "one", "night"),
    ("d.jpg", "two", "day"),
    ("e.jpg", "two", "night"),
    ("f.jpg", "two", "night"),
    ("g.jpg", "days only", "day"),
    ("h.jpg", "nights only", "night"),
]


def test_the_walk_is_right_within_three_frames(tmp_path: Path) -> None:
    by_day, by_night = walk_tests(make_walks(tmp_path / "walk", range(10), FOLDERS))
    assert (by_day.name, by_night.name) == ("walk by day", "walk by night")
    assert {path.parent.name for path in by_day.database} == {"day_left"}
    assert {path.parent.name for path in by_night.queries} == {"night_right"}
    assert by_day.right[0].tolist() == [True] * 4 + [False] * 6
    assert by_day.right[5].tolist() == [False] * 2 + [True] * 7 + [False]
    assert by_day.chance == pytest.approx((4 + 5 + 6 + 7 * 4 + 6 + 5 + 4) / 100)


def test_only_cameras_with_both_conditions_count(tmp_path: Path) -> None:
    test = webcam_test(webcams(tmp_path / "webcams", ROWS))
    assert [path.name for path in test.database] == ["a.jpg", "b.jpg", "d.jpg"]
    assert [path.name for path in test.queries] == ["c.jpg", "e.jpg", "f.jpg"]
    assert test.right.tolist() == [[True, True, False], [False, False, True], [False, False, True]]
    assert test.chance == pytest.approx((2 / 3 + 1 / 3 + 1 / 3) / 3)


def test_only_the_cameras_named_ask_and_their_views_count_as_one_place(tmp_path: Path) -> None:
    folder = webcams(tmp_path / "webcams", [*ROWS, ("i.jpg", "three", "day"), ("j.jpg", "three", "night")])
    test = webcam_test(folder, ["two", "three"])
    assert [path.name for path in test.queries] == ["e.jpg", "f.jpg", "j.jpg"]
    assert len(test.database) == 4
    assert test.points.tolist() == [1, 1, 0]
    with pytest.raises(UserError, match="not have both day and night images of days only"):
        webcam_test(folder, ["days only", "one"])


def test_hits_are_first_finds_that_are_right(tmp_path: Path) -> None:
    walk = make_walks(tmp_path / "walk", range(10), FOLDERS)
    for number in range(10):
        # By day every frame is found; by night every one shows the first place.
        (walk / f"day_right/Image{number:03d}.jpg").write_bytes(
            (walk / f"day_left/Image{number:03d}.jpg").read_bytes()
        )
        (walk / f"night_right/Image{number:03d}.jpg").write_bytes(
            (walk / "day_left/Image000.jpg").read_bytes()
        )
    tests = list(walk_tests(walk))
    found = hits_of(Means(), Means(), tests, torch.device("cpu"), 2)
    assert [hits.tolist() for hits in found] == [[True] * 10, [True] * 4 + [False] * 6]
    *_, line = table(tests, {"m.pt": found})
    assert line == "| m.pt | 100.0 (72.2 to 100.0) | 40.0 (16.8 to 68.7) |"


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    walk = make_walks(tmp_path / "walk", range(5), FOLDERS)
    model, cameras = given(tmp_path / "models"), webcams(tmp_path / "webcams", ROWS)
    result = CliRunner().invoke(main, [str(model), "--walk", str(walk), "--webcams", str(cameras)])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "Input 320x180; on the walk, matches within 3 frames are correct."
    assert lines[2] == "| recall@1, % (95 % interval) | walk by day | walk by night | webcams by night |"
    assert lines[4] == "| queries | 5 | 5 | 3 |"
    assert lines[7].startswith(f"| {model} | ")
    assert len(lines) == 8


def test_another_model_may_describe_the_databases(tmp_path: Path) -> None:
    walk = make_walks(tmp_path / "walk", range(5), FOLDERS)
    one, other = given(tmp_path / "one"), given(tmp_path / "other")
    other.write_bytes(one.read_bytes())
    runner = CliRunner()
    tables = [
        runner.invoke(main, [str(one), "--walk", str(walk), *index]).output.splitlines()[7]
        for index in ([], ["--index", str(other)])
    ]
    # The same weights: the same finds.
    assert tables[0] == tables[1]
    absent = runner.invoke(main, [str(one), "--walk", str(walk), "--index", str(tmp_path / "absent.pt")])
    assert "no such model" in absent.output


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a.jpg", "one", "day"), ("b.jpg", "two", "night")], "no camera in .* both day and night images"),
        ([("a.jpg", "one", "dusk")], "line 2: condition 'dusk' is neither day nor night"),
    ],
)
def test_webcams_that_cannot_be_used(tmp_path: Path, rows: list[tuple[str, str, str]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        webcam_test(webcams(tmp_path / "webcams", rows))


def test_pictures_that_are_listed_but_not_there_are_named(tmp_path: Path) -> None:
    folder = webcams(tmp_path / "webcams", ROWS)
    (folder / "b.jpg").unlink()
    with pytest.raises(UserError, match=r"line 3: b\.jpg does not exist"):
        webcam_test(folder)


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "there are no images to test on"), (["--walk", "nowhere"], "nowhere"), (["--webcams", "no"], "no")],
)
def test_the_command_says_what_is_missing(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(main, [str(given(tmp_path)), *options])
    assert result.exit_code == 1
    assert message in result.output
    assert np.char.count(result.output, "Traceback") == 0
