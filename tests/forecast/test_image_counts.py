"""Counts of sets that are there, and of those that are still to be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.city.export.archive_layouts import form_of
from pipeline.core.params import read_params
from pipeline.forecast.image_counts import SetForecast, SetsForecast, drawn_counts
from tests.city.tiny import VALUES, tiny
from tests.datasets.made_sets import day_set
from tests.import_graph import ROOT

CITY = {"kind": "city", **VALUES}
PARAMS: dict[str, Any] = {
    "fetch": {"city": CITY},
    "format": {"day": {"raw": "data/raw/city/xs", "form": "common"}},
    "translate": {"night": {"day": "day"}},
    "merge": {"both": {"day": "day", "night": "night", "keep_nights": 0.5}},
}
XS = (drawn_counts(CITY) or {})["xs"]


def _of(params: dict[str, Any], name: str, sets: Path = Path("nowhere")) -> SetForecast:
    return SetsForecast(params, sets).of(name)


@pytest.mark.parametrize(("share", "pitches"), [(0.5, 1), (1.0, 2), (0.1, 1), (2.5, 1)])
def test_the_city_is_counted_without_being_drawn(share: float, pitches: int) -> None:
    sizes = {"query_share": share, "pitches": pitches, "train_places": 5}
    found = drawn_counts({**CITY, **sizes}) or {}
    for form, counts in found.items():
        assert sum(counts.values()) == sum(1 for _ in form_of(tiny(**sizes), form).pictures()), form
    assert len(found) == 3
    assert drawn_counts({**CITY, "pitches": 9}) is None


def test_the_default_profile_is_counted_before_anything_ran() -> None:
    sets = SetsForecast(read_params(ROOT / "profiles" / "city.yaml"), Path("nowhere"))
    assert {name: sets.of(name).images for name in sets.names()} == {
        "city_pitts": 3000,
        "city_tokyo": 1260,
        "city_xs": 300,
        "city_pitts_night": 3000,
        "city_pitts_dn": 6000,
        "city_tokyo_night": 1260,
    }
    assert sets.of("city_pitts").tested == 360


def test_published_sets_have_the_counts_of_the_registry() -> None:
    sets = SetsForecast(read_params(ROOT / "profiles" / "paper.yaml"), Path("nowhere"))
    assert sets.of("pitts30k").images == 51_840
    assert sets.of("pitts30k_dn").images == 103_680
    assert sets.of("tokyo_night").counts == {"test/database": 12_771, "test/queries": 105}


def test_sets_that_are_there_are_counted(tmp_path: Path) -> None:
    made = day_set(tmp_path / "day")
    found = _of({"format": {"day": {"raw": "x", "form": "common"}}}, "day", tmp_path)
    mean = sum(row.size for row in made.rows) / len(made.rows)
    assert found == SetForecast("format", made.counts(), mean, there=True)


def test_what_the_parameters_say_counts_more_than_what_was_made_with_others(tmp_path: Path) -> None:
    made = day_set(tmp_path / "day")
    day, night = _of(PARAMS, "day", tmp_path), _of(PARAMS, "night", tmp_path)
    assert day.counts == night.counts == XS != made.counts()
    assert (day.there, night.there, night.picture) == (True, False, day.picture)


def test_a_share_of_the_nights() -> None:
    both = _of(PARAMS, "both")
    assert both.counts == {place: count + round(count / 2) for place, count in XS.items()}
    assert both.new_bytes == 0


def test_a_damaged_manifest_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    for text in ("name,size\nimages/test/database/a.jpg,many\n", "name,size\n", "\0"):
        (tmp_path / "day" / "manifest.csv").write_text(text)
        found = _of({"format": {"day": {"raw": "x", "form": "common"}}}, "day", tmp_path)
        assert found == SetForecast("format"), text


def test_photographs_are_counted_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for name in ("a.jpg", "b.JPG", "c.png", "coordinates.csv"):
        (tmp_path / "photographs" / name).touch()
    params = {"format": {"mine": {"raw": str(tmp_path / "photographs"), "form": "folder"}}}
    found = _of(params, "mine", tmp_path / "sets")
    assert (found.images, found.tested) == (3, None)
    made = day_set(tmp_path / "sets" / "mine")
    assert _of(params, "mine", tmp_path / "sets").counts == made.counts()


def test_what_nobody_knows_is_none() -> None:
    params: dict[str, Any] = {
        "format": {"a": {"raw": "nowhere"}, "b": {"raw": "data/raw/x", "expected": "no such source"}},
        "translate": {"night": {"day": "a"}, "other": {"day": "not in params"}},
        "apart": {"one": {"dataset": "two"}, "two": {"dataset": "one"}},  # a ring
    }
    for name in ("a", "b", "night", "other", "one", "not in params"):
        assert _of(params, name).counts is None


def test_sets_that_only_a_form_names_have_about_as_many_as_published(tmp_path: Path) -> None:
    params = {
        "format": {
            "gsv": {"raw": str(tmp_path), "form": "gsv_cities"},
            "own": {"raw": "no", "form": "folder"},
        }
    }
    assert _of(params, "gsv").images == 530_000
    assert _of(params, "own").images is None
    (tmp_path / "one.jpg").touch()
    assert _of(params, "gsv").images == 1


def test_cities_that_are_named_have_their_share(tmp_path: Path) -> None:
    gsv = {"raw": str(tmp_path), "form": "gsv_cities", "cities": ["PRS", "London"]}
    params = {"format": {"gsv": gsv, "msls": {**gsv, "form": "msls", "cities": ["cph", "sf", "goa"]}}}
    assert _of(params, "gsv").images == 2 * 23_000
    assert _of(params, "msls").images == 19_196 + 10_840 + 56_000
    (tmp_path / "one.jpg").touch()
    assert _of(params, "gsv").images == 1
