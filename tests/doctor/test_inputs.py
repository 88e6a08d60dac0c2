"""Archives, terms, checkpoints and folders: at hand or not, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.params import read_params
from pipeline.datasets.sources.registry import read_source
from pipeline.doctor.findings import Finding
from pipeline.doctor.inputs import check_checkpoints, check_own_files, check_sources
from tests.import_graph import ROOT


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _source(name: str, **section: Any) -> Finding:
    [found] = check_sources({"fetch": {name: section}}, Path("archives"), Path("data/raw"))
    return found


def _hold(*names: str, source: str = "pitts30k") -> None:
    for name in names:
        path = Path("archives", source, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_default_profile_needs_nothing() -> None:
    params = read_params(ROOT / "profiles" / "city.yaml")
    Path("unit/weights").mkdir(parents=True)
    Path("unit/weights/city.pt").write_bytes(b"x" * 2_000_000)
    Path("profiles/times_of_day").mkdir(parents=True)
    Path("profiles/times_of_day/city_tokyo.csv").touch()
    found = [
        *check_sources(params, Path("archives"), Path("data/raw")),
        *check_checkpoints(params),
        *check_own_files(params, [Path("data")]),
    ]
    assert found == [
        Finding("source", "ok", "city: drawn here, needs nothing from outside"),
        Finding("translator", "ok", "unit/weights/city.pt: 2 MB"),
        Finding("own files", "ok", "all there: profiles/times_of_day/city_tokyo.csv, unit/weights"),
    ]


def test_archives_whose_terms_are_not_accepted() -> None:
    found = _source("pitts30k", kind="archives", accept_terms=False)
    assert found.grade == "fault"
    assert found.found == (
        "pitts30k: 9 of 9 archives are not at hand (000.tar, 001.tar, 002.tar, 003.tar and 5 more, 7.0 GB);"
        " its terms are not accepted, so it is not downloaded"
    )
    assert found.advice == (
        "put them into archives/pitts30k/ if you have them; or read `duskline sources pitts30k` and set"
        " accept_terms: true under fetch.pitts30k in params.yaml"
    )


def test_archives_that_will_be_downloaded() -> None:
    _hold("000.tar", "001.tar")
    found = _source("pitts30k", kind="archives", accept_terms=True)
    assert found.grade == "note"
    assert "7 of 9 archives are not at hand" in found.found
    assert found.found.endswith("; `dvc repro` will download them")


def test_archives_at_hand() -> None:
    _hold(*(file.name for file in read_source("pitts30k").files))
    found = _source("pitts30k", kind="archives", accept_terms=False)
    assert (found.grade, found.found) == ("ok", "pitts30k: all 9 archives are in archives")


def test_sizes_that_are_not_known_are_not_invented() -> None:
    found = _source("tokyo_xs", kind="archives", accept_terms=False)
    assert "(tokyo_xs.zip);" in found.found


def test_a_checkpoint_that_is_not_there() -> None:
    found = _source("unit_512x288_VGG_1", kind="checkpoint", place="archives/gen.pt")
    assert (found.grade, found.found) == ("fault", "unit_512x288_VGG_1: no checkpoint at archives/gen.pt")
    assert "train one of your own with train_unit" in found.advice


def test_a_checkpoint_at_hand() -> None:
    _hold("gen.pt", source="unit_512x288_VGG_1")
    for place in ("gen.pt", "archives/unit_512x288_VGG_1/gen.pt"):
        assert _source("unit_512x288_VGG_1", kind="checkpoint", place=place).grade == "ok"


def test_a_checkpoint_that_will_be_downloaded() -> None:
    found = _source("unit_512x288_VGG_1", kind="checkpoint", place="https://somewhere/gen.pt")
    assert (found.grade, "will download it from https://somewhere/gen.pt" in found.found) == ("note", True)


def test_what_is_made_already() -> None:
    Path("data/raw/city").mkdir(parents=True)
    assert _source("city", kind="city").found == "city: made, in data/raw/city"


def test_translators() -> None:
    params = {
        "train_unit": {"own": {"vgg": "none"}},
        "fetch": {"published": {"kind": "checkpoint"}},
        "translate": {
            "a": {"checkpoint": "models/unit/own.pt"},
            "b": {"checkpoint": "data/raw/published/gen.pt"},
            "c": {"checkpoint": "models/unit/other.pt"},
        },
    }
    grades = {
        finding.found.partition(",")[0].partition(":")[0]: finding.grade
        for finding in check_checkpoints(params)
    }
    assert grades == {
        "models/unit/own.pt": "ok",
        "data/raw/published/gen.pt": "ok",
        "models/unit/other.pt": "fault",
    }


def test_weights() -> None:
    params = {
        "train_unit": {"own": {"vgg": "vgg16.pt"}},
        "train": {"one": {"weights": "imagenet"}, "two": {"weights": "none"}},
    }
    vgg, imagenet = check_checkpoints(params)
    assert (vgg.grade, vgg.found) == ("fault", "vgg16.pt, which train_unit.own wants, is not there")
    assert (imagenet.grade, imagenet.found.startswith("1 models begin with ImageNet's")) == ("note", True)


def test_files_of_the_users_own() -> None:
    params = {
        "format": {"mine": {"raw": "photographs"}, "city": {"raw": "data/raw/city/xs"}},
        "pictures": {"nights": {"folder": "nights"}, "days": {"folder": "data/sets/mine"}},
        "train_unit": {"own": {"day": "data/pictures/day", "night": "nights"}},
        "select": {"night": {"corrections": "times.csv"}},
        "hub_local": {"theirs": {"repository": "hub"}},
        "compare": {"day": {"checkpoints": "models/unit"}},
    }
    made = [Path("data")]
    missing = list(check_own_files(params, made))
    assert {finding.grade for finding in missing} == {"fault"}
    assert [finding.found for finding in missing] == [
        "photographs, which format.mine.raw names, is not there",
        "nights, which pictures.nights.folder names, is not there",
        "nights, which train_unit.own.night names, is not there",
        "times.csv, which select.night.corrections names, is not there",
        "hub, which hub_local.theirs.repository names, is not there",
        "models/unit, which compare.day.checkpoints names, is not there",
    ]
    for folder in ("photographs", "nights", "hub"):
        Path(folder).mkdir()
    Path("times.csv").touch()
    assert list(check_own_files(params, [*made, Path("models/unit")])) == [
        Finding("own files", "ok", "all there: hub, nights, photographs, times.csv")
    ]


def test_folders_of_a_walk_and_given_models() -> None:
    walk = {"raw": "walk", "form": "traverses", "traverses": {"day_left": {}, "night_right": {}}}
    params = {"format": {"night": walk}, "model_file": {"day": {"file": "day.pt"}}}
    assert [finding.found for finding in check_own_files(params, [])] == [
        "walk, which format.night.raw names, is not there",
        "day.pt, which model_file.day.file names, is not there",
    ]
    Path("walk/day_left").mkdir(parents=True)
    Path("day.pt").touch()
    (missing,) = check_own_files(params, [])
    assert missing.found == ("walk/night_right, which format.night.traverses.night_right names, is not there")
    Path("walk/night_right").mkdir()
    (told,) = check_own_files(params, [])
    assert told.grade == "ok"
