from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from pipeline.report.page.matches import browsed_matches
from pipeline.report.page.pairs import Pairs, pairs_of
from pipeline.report.sets.sheet import write_sheet
from pipeline.report.tables.results import read_results
from pipeline.runtime.errors import MissingInputError
from tests.report.alone import write_alone
from tests.report.made_up import write_day_and_night

PLENTY = 10**7


@pytest.fixture(scope="module")
def sheets(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("sheets")
    day, night = write_day_and_night(root)
    folders = [root / "sheets" / name for name in ("one_night", "other_night")]
    for folder in folders:
        write_sheet(folder, day, night, 3, None)
    return folders


def size(pairs: Pairs, folder: Path) -> int:
    """Bytes that pairs add to a page."""
    nothing = browsed_matches(read_results(folder, [], []), 0)
    sizes = [
        len(write_alone(folder / "page.html", one, nothing).read_bytes()) for one in (pairs, Pairs((), 0))
    ]
    return sizes[0] - sizes[1]


def test_all_pairs_are_shown_where_there_is_room(sheets: list[Path], tmp_path: Path) -> None:
    pairs = pairs_of(sheets, PLENTY)
    assert (len(pairs.shown), pairs.of) == (12, 12)
    nothing = browsed_matches(read_results(tmp_path, [], []), 0)
    page = write_alone(tmp_path / "page.html", pairs, nothing).read_text()
    choices = [re.findall('value="([^"]+)"', found) for found in re.findall("<select.*?</select>", page)]
    places = [f"{584_000 + number} E, 4477000 N" for number in (1, 3, 5)]
    assert choices[:4] == [["one_night", "other_night"], ["train", "test"], ["database"], places]
    assert not pairs.true_nights


def test_pictures_are_those_of_the_sheet(sheets: list[Path]) -> None:
    pair = pairs_of(sheets, PLENTY).shown[0]
    for uri, name in zip(pair.pictures, (pair.sample.day, pair.sample.night), strict=True):
        assert (
            base64.b64decode(uri.removeprefix("data:image/jpeg;base64,")) == (sheets[0] / name).read_bytes()
        )


def test_with_less_room_fewer_are_shown_evenly_chosen(sheets: list[Path]) -> None:
    half = pairs_of(sheets, 20_000)
    assert 4 <= len(half.shown) < 12 == half.of
    assert {(pair.set, pair.sample.split) for pair in half.shown} == {
        (name, split) for name in ("one_night", "other_night") for split in ("train", "test")
    }
    assert pairs_of(sheets, 0) == Pairs((), 12)


@pytest.mark.parametrize("budget", [6_000, 12_000, 24_000, 36_000])
def test_the_section_keeps_to_its_room(sheets: list[Path], tmp_path: Path, budget: int) -> None:
    assert size(pairs_of(sheets, budget), tmp_path) <= budget


def test_no_sheets_are_no_pairs() -> None:
    assert pairs_of([], PLENTY) == Pairs((), 0)
    assert not pairs_of([], PLENTY)


def test_a_missing_picture_is_named(sheets: list[Path], tmp_path: Path) -> None:
    (tmp_path / "sheet.csv").write_bytes((sheets[0] / "sheet.csv").read_bytes())
    with pytest.raises(MissingInputError, match=r"01_day\.jpg"):
        pairs_of([tmp_path], PLENTY)
