"""Sections of params.yaml are taken and refused as their stages would."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from pipeline.core.params import read_params
from stages.sections import SECTIONS, wrong_sections
from tests.import_graph import ROOT

PROFILES = sorted((ROOT / "profiles").glob("*.yaml"))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_profiles_are_as_their_stages_want_them(profile: Any) -> None:
    params = read_params(profile)
    assert list(wrong_sections(params)) == []
    assert set(params) == set(SECTIONS)


NIGHTS = ("translate", "city_pitts_night")


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("train", "day", "queries_per_epok"), 3, "train.day: unknown parameter queries_per_epok"),
        ((*NIGHTS, "qualty"), 3, "translate.city_pitts_night: No such option '--qualty'"),
        ((*NIGHTS, "quality"), 300, "translate.city_pitts_night: Invalid value for '--quality'"),
        (("fetch", "city", "kind"), "town", "fetch.city.kind must be one of city, archives, checkpoint"),
        (("format", "city_xs", "form"), "heap", "format.city_xs"),
        (("format", "city_xs", "flat_rule"), "skip", "format.city_xs: unknown parameter flat_rule"),
        (("augmentations", "city_pitts", "changes", "crop"), {"oclusion": 1}, "changes.crop: unknown"),
        (("report", "megabytes"), -1, "megabytes must be above 0"),
        (("headline", "city", "before"), 3, "headline.city.before must be str"),
        (("test_sets",), "city_pitts", "test_sets: must be a list of datasets"),
        (("merge",), ["city"], "merge: must be a section, with an entry for each name"),
        (("merge", "city_pitts_dn"), None, "merge.city_pitts_dn: must be a section, not None"),
        (("sets",), 5, "sets: must be a section, not 5"),
        (("trian",), {}, "trian: no stage reads a section of that name"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(place: tuple[str, ...], value: object, said: str) -> None:
    params = copy.deepcopy(read_params(ROOT / "profiles" / "city.yaml"))
    here: Any = params
    for name in place[:-1]:
        here = here[name]
    here[place[-1]] = value
    (message,) = wrong_sections(params)
    assert said in message.replace("option: --qualty", "option '--qualty'")


def test_a_page_may_have_no_headline() -> None:
    assert list(wrong_sections({"headline": {}})) == []
