"""Archives, terms, checkpoints and folders: available or not, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.params import read_params
from pipeline.datasets.sources.registry import read_source
from pipeline.doctor.findings import Finding, ok
from pipeline.doctor.inputs import (
    check_models,
    check_own_files,
    check_sources,
    check_translators,
    check_weights,
)
from tests.import_graph import ROOT

UNIT = "unit_512x288_VGG_1"


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _source(name: str, **section: Any) -> Finding:
    [found] = check_sources({"fetch": {name: section}}, Path("archives"), Path("data/raw"))
    return found


def _touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def test_the_default_profile_needs_nothing() -> None:
    params = read_params(ROOT / "profiles" / "city.yaml")
    _touch("unit/weights/city.pt", "profiles/times_of_day/city_tokyo.csv")
    found = [
        *check_sources(params, Path("archives"), Path("data/raw")),
        *check_translators(params),
        *check_weights(params),
        *check_models(params, Path("models/vpr")),
        *check_own_files(params, [Path("data")]),
    ]
    assert found == [
        ok("city: rendered here, needs no download"),
        ok("unit/weights/city.pt: 0 kB"),
        ok("all found: profiles/times_of_day/city_tokyo.csv, unit/weights"),
    ]
    Path("data/raw/city").mkdir(parents=True)
    assert _source("city", kind="city").found == "city: made, in data/raw/city"


def test_archives_by_what_is_at_hand_and_accepted() -> None:
    found = _source("pitts30k", accept_terms=False)
    assert found.grade == "fault"
    assert found.found == (
        "pitts30k: 9 of 9 archives are missing (000.tar and others, 7.0 GB);"
        " its terms are not accepted, so it is not downloaded"
    )
    assert found.advice == (
        "put them into archives/pitts30k/ if you have them; or read `duskline sources pitts30k` and set"
        " accept_terms: true under fetch.pitts30k in params.yaml"
    )
    names = [f"archives/pitts30k/{file.name}" for file in read_source("pitts30k").files]
    _touch(*names[:2])
    found = _source("pitts30k", accept_terms=True)
    assert (found.grade, "7 of 9 archives are missing" in found.found) == ("note", True)
    assert found.found.endswith("; `dvc repro` will download them")
    _touch(*names)
    assert _source("pitts30k", accept_terms=False) == ok("pitts30k: all 9 archives are in archives")


def test_sizes_that_are_not_known_are_not_invented() -> None:
    assert "(tokyo_xs.zip);" in _source("tokyo_xs", accept_terms=False).found


def test_checkpoints() -> None:
    found = _source(UNIT, place="archives/gen.pt")
    assert (found.grade, found.found) == ("fault", f"{UNIT}: no checkpoint at archives/gen.pt")
    assert "train your own with train_unit" in found.advice
    found = _source(UNIT, place="https://somewhere/gen.pt")
    assert (found.grade, "will download it from https://somewhere/gen.pt" in found.found) == ("note", True)
    _touch(f"archives/{UNIT}/gen.pt")
    for place in ("gen.pt", f"archives/{UNIT}/gen.pt"):
        assert _source(UNIT, place=place).grade == "ok"
    assert _source(UNIT, place="").grade == "fault"


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
    found = list(check_translators(params))
    assert [finding.grade for finding in found] == ["ok", "ok", "fault"]
    assert found[2].found == "models/unit/other.pt, which translate.c needs, does not exist"


def test_weights() -> None:
    params = {
        "train_unit": {"own": {"vgg": "vgg16.pt"}},
        "train": {"one": {"weights": "imagenet"}, "two": {"weights": "none"}},
    }
    vgg, imagenet = check_weights(params)
    assert (vgg.grade, vgg.found) == ("fault", "vgg16.pt, which train_unit.own needs, does not exist")
    assert (imagenet.grade, imagenet.found[:36]) == ("note", "ImageNet weights for 1 of the models")


def test_files_of_the_users_own() -> None:
    params = {
        "format": {
            "mine": {"raw": "photographs"},
            "city": {"raw": "data/raw/city/xs"},
            "walk": {"raw": "walk", "form": "traverses", "traverses": {"day_left": {}, "night_right": {}}},
        },
        "image_lists": {"nights": {"folder": "nights"}, "days": {"folder": "data/sets/mine"}},
        "train_unit": {"own": {"day": "data/image_lists/day", "night": "nights"}},
        "select": {"night": {"corrections": "times.csv"}},
        "model_file": {"day": {"file": "day.pt"}},
        "hub_local": {"theirs": {"repository": "hub"}},
        "compare": {"day": {"checkpoints": "models/unit"}},
    }
    made = [Path("data"), Path("models/unit")]
    missing = list(check_own_files(params, made))
    assert {finding.grade for finding in missing} == {"fault"}
    assert [finding.found for finding in missing] == [
        f"{path}, named by {where}, does not exist"
        for path, where in (
            ("photographs", "format.mine.raw"),
            ("walk", "format.walk.raw"),
            ("nights", "image_lists.nights.folder"),
            ("nights", "train_unit.own.night"),
            ("times.csv", "select.night.corrections"),
            ("day.pt", "model_file.day.file"),
            ("hub", "hub_local.theirs.repository"),
        )
    ]
    _touch("times.csv", "day.pt")
    for folder in ("photographs", "nights", "hub", "walk/day_left"):
        Path(folder).mkdir(parents=True)
    [walk] = check_own_files(params, made)
    assert walk.found == "walk/night_right, named by format.walk.traverses.night_right, does not exist"
    Path("walk/night_right").mkdir()
    [found] = check_own_files(params, made)
    assert found.grade == "ok"
    [made_by_nobody] = check_own_files(params, [Path("data")])
    assert made_by_nobody.found == "models/unit, named by compare.day.checkpoints, does not exist"


def test_files_that_a_walk_wants_beside_its_frames() -> None:
    walk = {"raw": "walk", "form": "traverses", "traverses": {"night": {}, "day": {}}}
    matches = {"file": "framematches.csv", "first": "night", "second": "day"}
    params = {"format": {"pairs": walk | {"matches": matches}, "listed": walk | {"frame_list": "names.txt"}}}
    _touch("walk/night/1.jpg", "walk/day/1.jpg")
    assert [finding.found for finding in check_own_files(params, [])] == [
        "walk/framematches.csv, named by format.pairs.matches.file, does not exist",
        "walk/names.txt, named by format.listed.frame_list, does not exist",
    ]
    _touch("walk/framematches.csv", "walk/names.txt")
    [found] = check_own_files(params, [])
    assert found.grade == "ok"


def test_what_a_set_of_vpr_bench_consists_of() -> None:
    params = {"format": {"bench": {"raw": "bench", "form": "vpr_bench"}}}
    _touch("bench/ref/0000000.jpg")
    assert [finding.found for finding in check_own_files(params, [])] == [
        "bench/query, named by format.bench.raw, does not exist",
        "bench/ground_truth_new.npy, named by format.bench.raw, does not exist",
    ]


def test_what_passes_of_st_lucia_consist_of() -> None:
    params = {"format": {"lucia": {"raw": "l", "form": "st_lucia", "database": "a", "queries": "b"}}}
    _touch("l/a/webcam_video.avi", "l/a/fGPS.txt", "l/b/fGPS.txt")
    assert [finding.found for finding in check_own_files(params, [])] == [
        "l/b/webcam_video.avi, named by format.lucia.queries, does not exist",
    ]


def test_models_that_no_section_makes_are_named() -> None:
    params = {
        "hub_local": {"others": {}},
        "adapt": {"kept": {"model": "others"}, "typo": {"model": "other"}},
        "asymmetric": {"pair": {"queries": "kept", "database": "brought"}},
        "experiment": {"pair": {"model": "pair"}, "lost": {"model": "lost"}},
    }
    Path("models/vpr/brought").mkdir(parents=True)
    found = list(check_models(params, Path("models/vpr")))
    assert [finding.found for finding in found] == [
        "no section makes the model other, which adapt.typo.model names",
        "no section makes the model lost, which experiment.lost.model names",
    ]
    assert found[0].advice == "name an existing one: kept, others, pair, typo"
