"""Numbers and figures of a set against what was put into it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pipeline.core.image_io import encode
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.writing.set_writer import SetWriter
from pipeline.report.sets.set_figures import draw_brightness, draw_map
from pipeline.report.sets.statistics import BINS, read_statistics, write_statistics
from pipeline.runtime.errors import DusklineError, MissingInputError, ParameterError
from tests.datasets.walks import made_walks, make_walks

SVG = "{http://www.w3.org/2000/svg}"


def write_set(root: Path) -> ImageSet:
    """Two views at each of three standpoints 100 m apart; queries by day, bright, and by night, dark."""
    writer = SetWriter(root)

    def add(role: str, number: int, view: int, level: int, time_of_day: str) -> None:
        writer.add(
            f"images/test/{role}/@{585_000 + 100 * number:010.2f}@4477000.00@{view}@{time_of_day}.jpg",
            encode(np.full((48, 64, 3), level, np.uint8), ".jpg", quality=90),
            source="a.tar",
            width=64,
            height=48,
            time_of_day=time_of_day,
        )

    for number in range(3):
        for view in range(2):
            add("database", number, view, 120, "")
    add("queries", 0, 0, 200, "day")
    add("queries", 2, 0, 10, "night")
    return writer.finish()


def test_the_numbers_are_those_of_the_set(tmp_path: Path) -> None:
    images = write_set(tmp_path / "set")
    found = write_statistics(tmp_path / "out", images, 100, workers=2)
    assert found == read_statistics(tmp_path / "out")
    assert found.images == {"test/database": 6, "test/queries": 2}
    assert found.times == {"day": 1, "night": 1, "unknown": 6}
    assert found.places == 3
    assert found.images_of_a_place == {"2": 1, "3": 2}
    assert found.extent == (200.0, 0.0)
    assert found.looked_at == 8
    levels = {name: np.flatnonzero(counts).tolist() for name, counts in found.brightness.items()}
    assert levels == {"day": [200 * BINS // 256], "night": [10 * BINS // 256], "unknown": [120 * BINS // 256]}
    assert sum(map(sum, found.brightness.values())) == 8


def test_the_number_of_workers_changes_no_byte(tmp_path: Path) -> None:
    images = write_set(tmp_path / "set")
    for name, workers in (("one", 1), ("many", 4)):
        write_statistics(tmp_path / name, images, 5, workers)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "many" / path.name).read_bytes()


def test_figures_are_svg_with_words_and_a_mark_for_each_group(tmp_path: Path) -> None:
    write_statistics(tmp_path / "out", write_set(tmp_path / "set"), 8, workers=1)
    shown = ElementTree.parse(tmp_path / "out" / "map.svg").getroot()
    assert shown.findtext(f"{SVG}title") == "Map of set"
    words = shown.findtext(f"{SVG}desc") or ""
    assert "3 standpoints of database, 1 standpoints of queries, day" in words
    assert words.startswith("test: ")
    assert "200 m from west to east, 0 m from south to north. North is up." in words
    dots = [path.get("d", "") for path in shown.iter(f"{SVG}path") if "h0" in path.get("d", "")]
    assert [dot.count("M") for dot in dots] == [3, 1, 1]
    lights = ElementTree.parse(tmp_path / "out" / "brightness.svg").getroot()
    assert "1 day, 1 night, 6 unknown" in (lights.findtext(f"{SVG}desc") or "")


def test_a_map_keeps_directions_and_scale() -> None:
    drawn = draw_map("x", {"test": {"database": [(0.0, 0.0), (100.0, 0.0), (0.0, 50.0)]}})
    paths = [path.get("d", "") for path in ElementTree.fromstring(drawn).iter(f"{SVG}path")]
    dots = next(path for path in paths if "h0" in path).replace("h0", "").split("M")[1:]
    (x0, y0), (x1, y1), (x2, y2) = (tuple(map(float, dot.split())) for dot in dots)
    assert x1 > x0 and y1 == y0  # east is right
    assert y2 < y0 and x2 == x0  # north is up
    assert x1 - x0 == pytest.approx(2 * (y0 - y2), abs=0.2)


def test_splits_far_apart_have_maps_of_their_own() -> None:
    near = [(0.0, 0.0), (100.0, 0.0), (0.0, 50.0)]
    far = [(east + 50_000.0, 3 * north) for east, north in near]
    drawn = draw_map("x", {"train": {"database": near}, "test": {"database": far}})
    paths = [path.get("d", "") for path in ElementTree.fromstring(drawn).iter(f"{SVG}path")]
    maps = [path.replace("h0", "").split("M")[1:] for path in paths if "h0" in path]
    columns = [[float(dot.split()[0]) for dot in dots] for dots in maps]
    assert len(columns) == 2
    assert max(columns[0]) < min(columns[1])
    for one in columns:
        assert 200 < max(one) - min(one) < 320, "each fills its half"
    words = ElementTree.fromstring(drawn).findtext(f"{SVG}desc") or ""
    assert "train: 3 standpoints of database; 100 m" in words
    assert "test: 3 standpoints of database; 100 m from west to east, 150 m" in words


def test_many_standpoints_stay_a_small_figure() -> None:
    rng = np.random.default_rng(0)
    many = [(float(x), float(y)) for x, y in rng.uniform(0, 9000, (60_000, 2))]
    assert len(draw_map("x", {"train": {"database": many}})) < 900_000


def test_names_are_escaped_and_one_standpoint_is_a_map() -> None:
    drawn = draw_map("a<b>&", {"val": {"queries, night": [(5.0, 5.0)]}})
    assert ElementTree.fromstring(drawn).findtext(f"{SVG}title") == "Map of a<b>&"
    assert ElementTree.fromstring(draw_brightness("<", {"day": [0] * BINS})) is not None


def test_what_is_no_statistics_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match=r"statistics\.json"):
        read_statistics(tmp_path)
    (tmp_path / "statistics.json").write_text(json.dumps({"images": {}}))
    with pytest.raises(DusklineError, match="does not have the statistics of a dataset"):
        read_statistics(tmp_path)
    with pytest.raises(ParameterError, match="at least one image, not 0"):
        write_statistics(tmp_path / "out", write_set(tmp_path / "set"), 0, workers=1)


def test_of_a_walk_extent_and_map_count_frames(tmp_path: Path) -> None:
    walk = made_walks(make_walks(tmp_path / "raw", range(8)), tmp_path / "walk")
    found = write_statistics(tmp_path / "out", walk, 4, workers=1)
    assert found == read_statistics(tmp_path / "out")
    assert (found.extent, found.unit) == ((7.0, 0.0), "frames")
    drawn = (tmp_path / "out" / "map.svg").read_text()
    assert "7 frames from west to east, 0 frames from south to north" in drawn
    assert re.search(r">\d frames</text>", drawn)


def test_of_a_set_of_metres_no_unit_is_written(tmp_path: Path) -> None:
    found = write_statistics(tmp_path / "out", write_set(tmp_path / "set"), 8, workers=1)
    assert found.unit == "m"
    assert "positions_in" not in json.loads((tmp_path / "out" / "statistics.json").read_text())
