"""Sets as VPR-Bench keeps them: what its lists say, positions and a radius say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.params import build
from pipeline.datasets.formatting.build_set import format_set
from pipeline.datasets.formatting.readers.vpr_bench import VprBenchSettings, line_of, read_vpr_bench
from pipeline.datasets.image_set.image_names import ImageName
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.radius_search import within
from pipeline.runtime.errors import MissingInputError, ParameterError, UserError
from tests.datasets.listings.test_object_arrays import objects
from tests.datasets.raw_forms import golden, jpeg

CASES = golden("today_sets.json")
Lists = dict[int, list[int]]


def settings(**changes: Any) -> VprBenchSettings:
    values = {"ref_time_of_day": "day", "query_time_of_day": "night", "radius": 2, "split": "test"}
    return build(VprBenchSettings, {**values, "jpeg_quality": 90, **changes}, "format.bench")


def make_bench(raw: Path, lists: Lists, references: int, first: int = 0) -> Path:
    for folder, count in (("ref", references), ("query", len(lists))):
        (raw / folder).mkdir(parents=True)
        for number in range(first, first + count):
            (raw / folder / f"{number:07d}.jpg").write_bytes(jpeg(seed=count * 100 + number))
    np.save(raw / "ground_truth_new.npy", objects([[query, near] for query, near in lists.items()]), True)
    return raw


def made_bench(raw: Path, root: Path, **changes: Any) -> ImageSet:
    return format_set(read_vpr_bench(raw, settings(**changes), raw), root, workers=2)


def refused(raw: Path, **changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        next(read_vpr_bench(raw, settings(**changes), raw))
    return str(caught.value)


def judged(right: list[list[int]], references: int, radius: float | None = None) -> list[list[int]]:
    """What is right within a radius of the positions that `line_of` finds."""
    line = line_of(right, references)
    assert line is not None
    ground = [np.array([(round(at, 2), 0.0) for at in places]) for places in (line.queries, line.references)]
    return [sorted(near) for near in within(*ground, line.least if radius is None else radius)]


def to_either_side(references: int, count: int, frames: int, step: int = 1) -> list[list[int]]:
    return [
        [
            number
            for number in range(step * query - frames, step * query + frames + 1)
            if 0 <= number < references
        ]
        for query in range(count)
    ]


def test_a_set_is_judged_as_its_lists_say(tmp_path: Path) -> None:
    lists = dict(enumerate(to_either_side(6, 6, 2)))
    made = made_bench(make_bench(tmp_path / "raw", lists, 6), tmp_path / "set")
    assert made.counts() == {"test/database": 6, "test/queries": 6}
    assert made.positions_in == "frames"
    database, queries = made.where(role="database"), made.where(role="queries")
    assert [row.east for row in queries] == [0, 1, 2, 3, 4, 5]
    assert queries[1].source == "query/0000001.jpg"
    assert made.read(queries[1]) == (tmp_path / "raw" / queries[1].source).read_bytes()
    assert ImageName.parse(queries[1].name.rpartition("/")[2]).pano_id == "query_00001"
    assert {row.time_of_day for row in database} == {"day"}
    assert {row.time_of_day for row in queries} == {"night"}
    ground = [np.array([(row.east, row.north) for row in rows]) for rows in (queries, database)]
    assert [sorted(near) for near in within(*ground, 2)] == list(lists.values())


def test_lists_of_gardens_point_name_references_that_do_not_exist(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lists = {query: [n for n in range(query - 2, query + 3) if n >= 0] for query in range(8)}
    published = {one["query"]: one["references"] for one in CASES["gardens_point"]["vpr_bench"]}
    assert [lists[query] for query in (0, 1, 2)] == [published[query] for query in (0, 1, 2)]
    made = made_bench(make_bench(tmp_path / "raw", lists, 8), tmp_path / "set")
    assert "names 3 references that do not exist; they are left out:" in caplog.text
    assert "\n    query 6: 8\n    query 7: 8\n    query 7: 9" in caplog.text
    assert [row.east for row in made.where(role="queries")] == list(range(8))


def test_published_lists_are_those_of_a_radius() -> None:
    gardens = to_either_side(200, 200, 2)
    for one in CASES["gardens_point"]["vpr_bench"]:
        assert gardens[one["query"]] == [number for number in one["references"] if number < 200]
    assert judged(gardens, 200) == gardens
    nordland = to_either_side(27_592, 2_760, 1, 10)
    for one in CASES["nordland"]["vpr_bench"]["examples"]:
        assert nordland[one["query"]] == one["references"]
    line = line_of(nordland, 27_592)
    assert line is not None
    assert (line.least, line.queries[:3]) == (1, [0, 10, 20])
    assert judged(nordland, 27_592) == judged(nordland, 27_592, 1.99) == nordland


@pytest.mark.parametrize(
    "right",
    [
        [[0], [1], [2]],
        [[0, 1], [2, 3], [4, 5]],
        [[0, 1], [1, 2], [2, 3]],
        [[0, 3], [1, 2], [0, 3], [5]],
        [[0, 1, 2, 3, 4, 5], [4], [4]][1:],
        [[], [2], []],
        [[0, 1, 2, 3, 4, 5]],
        [[], []],
    ],
)
def test_lists_that_positions_can_say(right: list[list[int]]) -> None:
    assert judged(right, 6) == right


@pytest.mark.parametrize("right", [[[0, 2], [2, 4]], [[1, 2], [2, 3, 4]], [[1], [1, 2]], [[0, 3], [0]]])
def test_lists_that_no_radius_says(right: list[list[int]]) -> None:
    assert line_of(right, 6) is None


@given(st.integers(1, 30), st.integers(0, 5), st.integers(1, 6), st.integers(1, 12))
def test_frames_to_either_side_are_always_said(references: int, frames: int, step: int, count: int) -> None:
    right = to_either_side(references, count, frames, step)
    line = line_of(right, references)
    assert line is None or judged(right, references) == judged(right, references, line.least + 0.9) == right
    if references > 2 * frames + 2 and step * count < references:
        assert line is not None


@given(st.lists(st.sets(st.integers(0, 7)), min_size=1, max_size=6))
def test_positions_never_say_another_thing_than_the_lists(lists: list[set[int]]) -> None:
    right = [sorted(near) for near in lists]
    assert line_of(right, 8) is None or judged(right, 8) == right


def test_another_radius_is_refused_with_the_one_that_is_right(tmp_path: Path) -> None:
    raw = make_bench(tmp_path / "raw", dict(enumerate(to_either_side(6, 6, 1))), 6)
    told = refused(raw, radius=2)
    assert "a radius of 2 frames does not match" in told
    assert "it must be at least 1 and less than 2" in told
    assert "set radius: 1 here and in the experiments that test on this set" in told
    alone = make_bench(tmp_path / "alone", {0: [0], 1: [1]}, 2)
    assert "set radius: 0.5 here" in refused(alone, radius=1)
    assert made_bench(alone, tmp_path / "set", radius=0.5).counts() == {"test/database": 2, "test/queries": 2}


def test_lists_that_no_radius_says_are_refused(tmp_path: Path) -> None:
    raw = make_bench(tmp_path / "raw", {0: [0, 2], 1: [0, 1, 2]}, 4)
    told = refused(raw)
    assert "no radius gives the lists" in told
    assert "the longest has 3 references, 0 to 2" in told


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([[0, [0]], [0, [1]]], ["query 0 has two rows", "query 1 has no row"]),
        ([[0, [0]], [2, [1]]], ["there is no query 2", "query 1 has no row"]),
        ([[0, [0]]], ["query 1 has no row"]),
        ([[0, [0]], [[1], [1]]], ["row 1 is not a query and a list of references"]),
    ],
)
def test_labels_that_do_not_fit_are_named(tmp_path: Path, rows: list[Any], named: list[str]) -> None:
    raw = make_bench(tmp_path / "raw", {0: [0], 1: [1]}, 2)
    np.save(raw / "ground_truth_new.npy", objects(rows), True)
    told = refused(raw)
    assert "does not match the 2 images in query:" in told
    assert all(one in told for one in named)


def test_pictures_that_are_not_numbered_from_0_are_refused(tmp_path: Path) -> None:
    raw = make_bench(tmp_path / "raw", {0: [0], 1: [1]}, 2, first=1)
    assert f"the images of {raw}/ref are numbered from 1," in refused(raw)


@pytest.mark.parametrize("missing", ["ref", "query", "ground_truth_new.npy"])
def test_what_is_not_there_is_named(tmp_path: Path, missing: str) -> None:
    raw = make_bench(tmp_path / "raw", {0: [0]}, 1)
    (raw / missing).rename(tmp_path / "elsewhere")
    with pytest.raises(MissingInputError, match=missing):
        next(read_vpr_bench(raw, settings(), raw))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"radius": 0}, "radius must be above 0"),
        ({"query_time_of_day": "dusk"}, "query_time_of_day must be one of day, sunset, night"),
        ({"split": "all"}, "split must be one of train, val, test"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        settings(**changes)
