"""The room that a profile will take: compared with known sizes, and what is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.core.params import read_params
from pipeline.datasets.sources.registry import SourceFile
from pipeline.forecast.disk_need import Need, archive_size, disk_needs
from pipeline.forecast.image_counts import SetsForecast
from pipeline.runtime.machine import Machine
from tests.datasets.made_sets import day_set
from tests.import_graph import ROOT


def _needs(params: dict[str, Any], root: Path) -> dict[str, Need]:
    machine = Machine("auto", 1, root / "archives", root / "work", "local")
    needs = disk_needs(params, SetsForecast(params, root / "sets"), root / "raw", root / "models", machine)
    return {need.what: need for need in needs}


@pytest.mark.parametrize(
    ("about", "size"),
    [("780-880 MB", 880_000_000), ("2.1 MB", 2_100_000), ("1.5 GB", 1_500_000_000), ("large", None)],
)
def test_sizes_in_words_are_read_at_their_larger_end(about: str, size: int | None) -> None:
    assert archive_size(SourceFile("a.tar", about=about)) == size
    assert archive_size(SourceFile("a.tar", about=about, size=123)) == 123


def test_the_default_profile(tmp_path: Path) -> None:
    """A run of it made 87 MB of raw city and 48, 20 and 5 MB of formatted sets."""
    needs = _needs(read_params(ROOT / "profiles" / "city.yaml"), tmp_path)
    sizes = {what: (need.size or 0) / 1e6 for what, need in needs.items()}
    assert 80 <= sizes["the rendered city"] <= 115
    assert 40 <= sizes["dataset city_pitts"] <= 60
    assert sizes["nights city_pitts_night"] == sizes["dataset city_pitts"]
    assert "2 models" in needs
    assert not any("city_pitts_dn" in what or "city_tokyo_night" in what for what in needs)


def test_the_papers_profile_wants_its_archives(tmp_path: Path) -> None:
    needs = _needs(read_params(ROOT / "profiles" / "paper.yaml"), tmp_path)
    size = 7 * 880_000_000 + 856_000_000 + 2_100_000
    assert needs["archives of pitts30k"] == Need("archives of pitts30k", "archives", size, shared=False)
    assert needs["descriptors"].size == 20 * 2**30
    assert None not in [need.size for need in needs.values()]


def test_what_is_there_needs_no_more_room(tmp_path: Path) -> None:
    params: dict[str, Any] = {
        "fetch": {"city": {"kind": "city"}, "pitts30k": {"kind": "archives"}},
        "format": {"day": {"raw": "data/raw/city/xs"}},
        "translate": {"night": {"day": "day"}},
        "train": {"one": {}, "two": {}},
    }
    for folder in ("raw/city", "models/one", "archives"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(6):
        (tmp_path / "archives" / f"{number:03d}.tar").touch()
    day = day_set(tmp_path / "sets" / "day")
    needs = _needs(params, tmp_path)
    assert list(needs) == ["archives of pitts30k", "nights night", "1 models", "the state of a training run"]
    assert needs["archives of pitts30k"].size == 880_000_000 + 856_000_000 + 2_100_000
    assert needs["nights night"] == Need("nights night", "work", sum(row.size for row in day.rows))
    assert needs["1 models"].size == 120_000_000


def test_what_nobody_knows_is_named(tmp_path: Path) -> None:
    params = {
        "fetch": {"tokyo247_queries": {"kind": "archives"}},
        "format": {"mine": {"raw": "nowhere", "form": "folder"}},
    }
    needs = _needs(params, tmp_path)
    assert {what: need.size for what, need in needs.items()} == {
        "archives of tokyo247_queries": None,
        "dataset mine": None,
    }


def test_descriptors_that_are_there_do_not_come_again(tmp_path: Path) -> None:
    params = read_params(ROOT / "profiles" / "city.yaml")
    before = _needs(params, tmp_path)["descriptors"].size or 0
    (tmp_path / "work" / "descriptors").mkdir(parents=True)
    (tmp_path / "work" / "descriptors" / "a.npy").write_bytes(bytes(1000))
    assert _needs(params, tmp_path)["descriptors"].size == before - 1000
    with (tmp_path / "work" / "descriptors" / "b.npy").open("wb") as stream:
        stream.truncate(before)
    assert "descriptors" not in _needs(params, tmp_path)
