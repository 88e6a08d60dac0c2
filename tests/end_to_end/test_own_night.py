"""The profile own_night on made-up archives: from zips to nights by a translator that saw no test image."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.files import digest_file
from pipeline.core.params import read_params
from pipeline.datasets.image_set.image_names import ImageName
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.night.records.provenance import read_origins
from tests.datasets.raw_forms import jpeg, write_zip
from tests.end_to_end.project import Project
from tests.import_graph import ROOT
from tests.unit.golden import tiny_settings

pytestmark = pytest.mark.slow

PLACES = 8
TESTED = (0, 1)
# 11 m from the second place that is tested; all others are 111 m apart.
NEAR = 2
MADE = {
    "fetch@tokyo247_queries",
    "format@tokyo247_queries",
    "format@tokyo247_tested",
    "apart@tokyo247_apart",
    "select@tokyo247_day",
    "select@tokyo247_night",
    "image_lists@tokyo247_day",
    "image_lists@tokyo247_night",
    "train_unit@own_night",
}
NIGHTS = {"translate@city_pitts_night", "merge@city_pitts_dn", "compare@city_pitts", "report"}


def latitude(place: int) -> float:
    return 35.66 + 0.001 * place - (0.0009 if place == NEAR else 0.0)


def queries(places: range | tuple[int, ...]) -> dict[str, bytes]:
    """The images of these places at all three times, each with its CSV, as the authors pack them."""
    members = {}
    for place in places:
        for time, letter in enumerate("DSN"):
            number = 3 * place + time + 1
            line = f"{number:05d}.jpg,{latitude(place)},139.75,1,2,{letter}\n"
            members[f"q/{number:05d}.jpg"] = jpeg(seed=number)
            members[f"q/{number:05d}.csv"] = line.encode()
    return members


def own_night_params(project: Project) -> dict[str, Any]:
    """What of the profile makes the translator, with a tiny network, and the tiny city's nights by it."""
    profile = read_params(ROOT / "profiles" / "own_night.yaml")
    params = project.params()
    for section in ("image_lists", "train_unit", "apart"):
        params[section] = profile[section]
    for section in ("fetch", "format", "select"):
        params[section] |= {name: entry for name, entry in profile[section].items() if "tokyo247" in name}
    for name in ("tokyo247_queries", "tokyo247_tested"):
        params["format"][name]["queries_shorter_side"] = 48
    params["train_unit"]["own_night"] |= asdict(tiny_settings())
    translate = profile["translate"]["pitts30k_night"]
    params["translate"]["city_pitts_night"]["checkpoint"] = translate["checkpoint"]
    compare = profile["compare"]["pitts30k"]
    params["compare"] = {"city_pitts": compare | {"day": "city_pitts", "images": 1, "shorter_side": 24}}
    return params


@pytest.fixture
def own_night(project: Project) -> Project:
    archives = project.root / "archives"
    write_zip(archives / "247query_v3.zip", queries(range(PLACES)))
    write_zip(archives / "247query_subset_v2.zip", queries(TESTED))
    project.set_params(own_night_params(project))
    return project


def taken_of(project: Project, name: str) -> set[int]:
    """The numbers of a set's images."""
    rows = ImageSet.open(project.root / "data" / "sets" / name).rows
    return {int(ImageName.parse(row.name).pano_id.removesuffix(".jpg")) for row in rows}


def test_nights_are_by_a_translator_that_saw_nothing_of_the_tests(own_night: Project, tmp_path: Path) -> None:
    ran = own_night.repro()
    assert set(ran) >= MADE | NIGHTS
    kept = [place for place in range(PLACES) if place not in (*TESTED, NEAR)]
    assert taken_of(own_night, "tokyo247_apart") == {3 * place + n for place in kept for n in (1, 2, 3)}
    assert taken_of(own_night, "tokyo247_day") == {3 * place + 1 for place in kept}
    assert taken_of(own_night, "tokyo247_night") == {3 * place + 3 for place in kept}
    checkpoint = own_night.root / "models" / "unit" / "own_night.pt"
    nights = own_night.root / "data" / "sets" / "city_pitts_night"
    first = digest_file(checkpoint)
    assert {origin.checkpoint_digest for origin in read_origins(nights)} == {first}
    assert own_night.repro() == []

    more = tmp_path / "nexet"
    more.mkdir()
    (more / "night.jpg").write_bytes(jpeg(seed=99))
    params = own_night.params()
    params["image_lists"]["nexet_night"] = {"side": "own_night", "folder": str(more)}
    own_night.set_params(params)
    assert set(own_night.repro()) == {"image_lists@nexet_night", "train_unit@own_night"} | NIGHTS
    assert digest_file(checkpoint) != first

    # An entry that is taken out leaves its listing behind, which is not learnt from any more.
    del params["image_lists"]["nexet_night"]
    own_night.set_params(params)
    own_night.repro()
    assert digest_file(checkpoint) == first


def test_a_picture_too_near_a_test_stops_the_training(own_night: Project) -> None:
    """With a selection that lets everything through, the assertion ends the pipeline before it trains."""
    module = own_night.root / "pipeline" / "datasets" / "derived" / "exclude_overlap.py"
    text = module.read_text()
    assert text.count("if not out_of_it") == 1
    module.write_text(text.replace("if not out_of_it", "if not out_of_it or True"))
    done = own_night.dvc("repro", "train_unit@own_night", check=False)
    message = done.stdout + done.stderr
    assert done.returncode != 0
    for wanted in ("images of", "are also in", "or within 25 m of its images", "00001.jpg", "(0.00 m)"):
        assert wanted in message
    assert not (own_night.root / "data" / "sets" / "tokyo247_apart").exists()
    assert not (own_night.root / "models" / "unit" / "own_night.pt").exists()
