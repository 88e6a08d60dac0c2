"""Counts of sets that are there, and of those that are still to be made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.city.export.archive_layouts import form_of
from pipeline.city.settings import CitySettings
from pipeline.core.params import build, read_params
from pipeline.forecast.image_counts import SetsForecast, city_counts
from tests.city.tiny import VALUES, tiny
from tests.datasets.made_sets import day_set
from tests.datasets.walks import WALKS, make_walks
from tests.import_graph import ROOT


def _of(params: dict[str, Any], name: str, sets: Path = Path("nowhere")) -> dict[str, int] | None:
    counts = SetsForecast(params, sets).of(name).counts
    return None if counts is None else dict(counts)


@pytest.mark.parametrize(("share", "pitches"), [(0.5, 1), (1.0, 2), (0.1, 1), (2.5, 1)])
def test_the_city_is_counted_without_being_drawn(share: float, pitches: int) -> None:
    settings = build(
        CitySettings, {**VALUES, "query_share": share, "pitches": pitches, "train_places": 5}, "x"
    )
    for form, counts in city_counts(settings).items():
        assert sum(counts.values()) == sum(1 for _ in form_of(settings, form).pictures()), form


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
    forecast = SetsForecast({"format": {"day": {"raw": "x", "form": "common"}}}, tmp_path).of("day")
    assert forecast.there
    assert forecast.counts == made.counts()
    assert forecast.picture == sum(row.size for row in made.rows) / len(made.rows)


def test_what_the_parameters_say_counts_more_than_what_was_made_with_others(tmp_path: Path) -> None:
    day_set(tmp_path / "day")
    day_set(tmp_path / "night")
    params = {
        "fetch": {"city": {"kind": "city", **VALUES}},
        "format": {"day": {"raw": "data/raw/city/xs", "form": "common"}},
        "translate": {"night": {"day": "day"}},
    }
    sets = SetsForecast(params, tmp_path)
    assert sets.of("day").counts == sets.of("night").counts == city_counts(tiny())["xs"]
    assert sets.of("day").there


def test_a_damaged_manifest_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "manifest.csv").write_text("name,size\nimages/test/database/a.jpg,many\n")
    forecast = SetsForecast({"format": {"day": {"raw": "x", "form": "common"}}}, tmp_path).of("day")
    assert (forecast.there, forecast.counts) == (False, None)


def test_photographs_are_counted_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for name in ("a.jpg", "b.JPG", "c.png", "coordinates.csv"):
        (tmp_path / "photographs" / name).touch()
    params = {"format": {"mine": {"raw": str(tmp_path / "photographs"), "form": "folder"}}}
    forecast = SetsForecast(params, tmp_path / "sets").of("mine")
    assert (forecast.images, forecast.tested) == (3, None)


def test_what_nobody_knows_is_none() -> None:
    params: dict[str, Any] = {
        "format": {"a": {"raw": "nowhere"}, "b": {"raw": "data/raw/x", "expected": "no such source"}},
        "translate": {"night": {"day": "a"}, "other": {"day": "not in params"}},
    }
    for name in ("a", "b", "night", "other", "not in params"):
        assert _of(params, name) is None


def test_sets_made_of_each_other_in_a_ring_are_unknown() -> None:
    assert _of({"apart": {"a": {"dataset": "b"}, "b": {"dataset": "a"}}}, "a") is None


def test_a_share_of_the_nights() -> None:
    params = {
        "fetch": {"city": {"kind": "city", **VALUES}},
        "format": {"day": {"raw": "data/raw/city/xs", "form": "common"}},
        "translate": {"night": {"day": "day"}},
        "merge": {"both": {"day": "day", "night": "night", "keep_nights": 0.5}},
    }
    day = city_counts(tiny())["xs"]
    assert _of(params, "both") == {place: count + round(count / 2) for place, count in day.items()}


def test_walks_are_counted_by_role_and_step(tmp_path: Path) -> None:
    section: dict[str, Any] = {
        "raw": str(make_walks(tmp_path / "raw", range(7))),
        "form": "traverses",
        "expected": None,
        "traverses": WALKS,
        "split": "test",
        "frame_step": 3,
        "jpeg_quality": 90,
    }
    forecast = SetsForecast({"format": {"walk": section}}, tmp_path / "sets").of("walk")
    assert forecast.counts == {"test/database": 3, "test/queries": 3}
    assert forecast.tested == 6
    (tmp_path / "raw" / "night_right" / "Image003.jpg").unlink()
    assert _of({"format": {"walk": section}}, "walk") is None
