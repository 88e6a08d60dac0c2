from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.report.page.matches import Matches, browsed_matches
from pipeline.report.page.pairs import pairs_of
from pipeline.report.tables.results import Results, read_results
from pipeline.runtime.errors import DusklineError, MissingInputError
from pipeline.vpr.results.ground_truth import NEAREST
from pipeline.vpr.results.metrics import read_metrics, write_metrics
from pipeline.vpr.results.predictions import PREDICTIONS, write_predictions
from pipeline.vpr.results.thumbnails import COPIES
from tests.report.alone import write_alone
from tests.report.made_up_finds import (
    HOSTILE,
    WORST_FIRST,
    colour_picture,
    database_name,
    predictions,
    query_name,
    write_street,
)

PLENTY = 10**7
EXPERIMENTS, SETS = ("dn", "day"), ("pitts", "tokyo")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    for experiment in EXPERIMENTS:
        for test_set in SETS:
            write_street(tmp_path, experiment, test_set)
    return read_results(tmp_path, EXPERIMENTS, SETS)


def document(finds: Matches) -> Any:
    return json.loads(str(finds.document))


def test_every_answer_is_listed_where_there_is_room(results: Results) -> None:
    finds = browsed_matches(results, PLENTY)
    assert (finds.queries, finds.listed, finds.pictured) == (32, 32, 32)
    found = document(finds)
    assert [one["name"] for one in found["sets"]] == ["pitts", "tokyo"]
    told = [(one["set"], one["experiment"], one["queries"], one["right"]) for one in found["evaluations"]]
    assert told == [(0, "dn", 8, 4), (0, "day", 8, 4), (1, "dn", 8, 4), (1, "day", 8, 4)]
    assert [(one.shown_set.name, one.experiment) for one in finds.evaluations] == [
        *(("pitts", "dn"), ("pitts", "day")),
        *(("tokyo", "dn"), ("tokyo", "day")),
    ]


def test_a_row_tells_an_answer(results: Results) -> None:
    found = document(browsed_matches(results, PLENTY))
    names, places = found["sets"][0]["names"], found["sets"][0]["places"]
    (row,) = (row for row in found["evaluations"][0]["rows"] if names[row[0]] == query_name(4))
    assert row[1] == 5
    assert names[row[2]] == database_name(4)
    assert row[3] == 30
    finds = [row[at : at + 4] for at in range(4, len(row), 4)]
    assert [names[image] for image, *_ in finds] == [database_name(place) for place in (3, 5, 2, 6, 4)]
    # Place 3 is 40 m west and 3 m south of the query.
    assert finds[0][1:] == [401, 0.104, 0]
    assert finds[4][1:] == [30, 0.504, 1]
    assert places[2 * row[0] : 2 * row[0] + 2] == [1600, 30]
    assert places[2 * row[2] : 2 * row[2] + 2] == [1600, 0]


def test_a_test_set_tells_its_ground(results: Results) -> None:
    one = document(browsed_matches(results, PLENTY))["sets"][0]
    assert (one["radius"], one["depth"], one["counted"]) == (25.0, 20, [8, 8])
    assert sorted(zip(one["standpoints"][::2], one["standpoints"][1::2], strict=True)) == [
        *((0, 0), (400, 0), (800, 0), (1200, 0)),
        *((1600, 0), (1600, 400), (1600, 800), (1600, 1200)),
    ]


def test_a_picture_is_on_the_page_once(results: Results) -> None:
    found = document(browsed_matches(results, PLENTY))
    # 8 queries and 8 database images, the same in both test sets and both experiments.
    assert len(found["pictures"]) == 16
    for one in found["sets"]:
        for image, picture in one["pictures"].items():
            name = one["names"][int(image)]
            assert base64.b64decode(found["pictures"][picture]) == colour_picture(name)


def test_worst_answers_are_told_in_words(results: Results) -> None:
    worst = browsed_matches(results, PLENTY).evaluations[0].worst
    assert worst is not None
    assert worst.query == query_name(WORST_FIRST[0])


def test_where_all_is_right_nothing_is_worst(tmp_path: Path) -> None:
    write_street(tmp_path, "dn", "pitts", (1,) * 8)
    assert browsed_matches(read_results(tmp_path, ["dn"], ["pitts"]), PLENTY).evaluations[0].worst is None


@pytest.mark.parametrize("budget", [10_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000])
def test_the_section_keeps_to_its_room(results: Results, tmp_path: Path, budget: int) -> None:
    finds = browsed_matches(results, budget)
    nothing = browsed_matches(read_results(tmp_path, [], []), 0)
    without, with_finds = (
        len(write_alone(tmp_path / "page.html", pairs_of([], 0), one).read_bytes())
        for one in (nothing, finds)
    )
    assert with_finds - without <= budget
    assert len(document(finds)["evaluations"]) == 4


def test_without_room_nothing_is_listed(results: Results) -> None:
    finds = browsed_matches(results, 0)
    assert (finds.queries, finds.listed, finds.pictured) == (32, 0, 0)
    assert [one["rows"] for one in document(finds)["evaluations"]] == [[]] * 4


def test_with_less_room_the_most_telling_are_listed(results: Results) -> None:
    finds = browsed_matches(results, 28_000)
    assert 0 < finds.listed < finds.queries == 32
    found = document(finds)
    for one in found["evaluations"]:
        asked = [found["sets"][one["set"]]["names"][row[0]] for row in one["rows"]]
        assert 1 <= len(asked) < 8
        # The worst three, then a right one.
        assert asked[:3] == [query_name(query) for query in WORST_FIRST[:3]][: len(asked)]
        assert all(row[1] == 1 for row in one["rows"][3:4])
    assert [len(one.listed) for one in finds.evaluations] == [
        len(one["rows"]) for one in found["evaluations"]
    ]


def test_with_less_room_the_most_telling_have_pictures(results: Results) -> None:
    finds = browsed_matches(results, 52_000)
    assert finds.listed == 32
    assert 0 < finds.pictured < 32
    one = document(finds)["sets"][0]
    shown = {one["names"][int(image)] for image in one["pictures"]}
    assert query_name(WORST_FIRST[0]) in shown


def test_queries_without_copies_are_listed_without_pictures(tmp_path: Path) -> None:
    write_street(tmp_path, "dn", "pitts", pictured=3)
    finds = browsed_matches(read_results(tmp_path, ["dn"], ["pitts"]), PLENTY)
    assert (finds.listed, finds.pictured) == (8, 3)


def test_hostile_names_cannot_leave_the_document(results: Results) -> None:
    finds = browsed_matches(results, PLENTY)
    assert HOSTILE in document(finds)["sets"][0]["names"][0]
    assert not set("<>&'") & set(finds.document)


def test_without_experiments_there_is_nothing(tmp_path: Path) -> None:
    finds = browsed_matches(read_results(tmp_path, [], ["pitts"]), PLENTY)
    assert (finds.evaluations, finds.queries) == ((), 0)
    assert not finds


@pytest.mark.parametrize("name", [PREDICTIONS, NEAREST, "standpoints.csv", COPIES])
def test_what_is_missing_is_named(results: Results, name: str) -> None:
    (results.folder("dn", "pitts") / name).unlink()
    with pytest.raises(MissingInputError, match=name.replace(".", r"\.")):
        browsed_matches(results, PLENTY)


def test_answers_to_other_queries_are_refused(results: Results) -> None:
    folder = results.folder("day", "tokyo")
    others = list(predictions((1,) * 8))
    changed = [replace(others[0], query="images/test/queries/@1@2@x.jpg")]
    write_predictions(folder / PREDICTIONS, changed)
    with pytest.raises(
        DusklineError, match=r"day/tokyo/predictions\.csv has a query .* on tokyo does not have"
    ):
        browsed_matches(results, PLENTY)


def test_results_alone_are_enough(results: Results, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    for experiment in EXPERIMENTS:
        shutil.move(tmp_path / experiment, moved / experiment)
    again = browsed_matches(read_results(moved, EXPERIMENTS, SETS), PLENTY)
    assert again.listed == 32


def test_distances_of_a_walk_are_told_in_frames(tmp_path: Path) -> None:
    folder = write_street(tmp_path, "dn", "walk")
    write_metrics(folder, replace(read_metrics(folder), radius=3.0, positions_in="frames"))
    write_street(tmp_path, "dn", "pitts")
    found = browsed_matches(read_results(tmp_path, ["dn"], ["walk", "pitts"]), PLENTY)
    assert [one["unit"] for one in document(found)["sets"]] == ["frames", "m"]
    html = write_alone(tmp_path / "page.html", pairs_of([], 0), found).read_text()
    told = re.findall(r"first match \d+ (\w+) away", html)
    assert told == ["frames", "m"]
