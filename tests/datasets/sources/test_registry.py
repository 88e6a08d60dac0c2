from __future__ import annotations

import re
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from pipeline.core.params import read_params
from pipeline.datasets.formatting.readers.pittsburgh import PittsburghSettings
from pipeline.datasets.formatting.readers.tokyo247 import Tokyo247Settings
from pipeline.datasets.sources.registry import known_sources, read_source
from pipeline.runtime.errors import ParameterError
from tests.import_graph import ROOT


def entry(folder: Path, text: str, name: str = "made_up") -> Path:
    (folder / f"{name}.yaml").write_text(text)
    return folder


GOOD = "title: A\nkind: archives\nlicence: none\n"


@pytest.mark.parametrize("name", known_sources())
def test_every_entry_can_be_read_and_says_what_it_is(name: str) -> None:
    source = read_source(name)
    assert source.title
    assert source.licence
    if source.kind == "archives":
        assert source.files
        assert source.terms
        assert source.citation
        assert all(file.places for file in source.files)
    if source.kind == "checkpoint":
        assert source.published
        assert source.layout
        assert source.section in read_params(ROOT / "unit" / "variants.yaml")


# Of the paper's Figure 3.
VARIANTS = [
    *("unit", "unit_VGG", "unit_VGG_batchnorm", "unit_VGG_instancenorm", "unit_VGG_layernorm_128px"),
    *("unit_instance", "unit_layernorm", "unit_BDD_NEXET", "unit_BDD_NEXET_VGG"),
    *(f"unit_512x288_{number}" for number in (1, 2, 3)),
    *(f"unit_512x288_VGG_{number}" for number in (1, 2, 3)),
    *(f"unit_BDD_NEXET_VGG_IN_{number}" for number in (1, 2)),
    *(f"unit_BDD_NEXET_VGG_LN_{number}" for number in (3, 4, 5, 6)),
]


def test_all_published_variants_are_known_by_name() -> None:
    assert sorted(name for name in known_sources() if name.startswith("unit")) == sorted(VARIANTS)
    sides = {name: re.search("side of ([0-9]+) pixels", read_source(name).layout) for name in VARIANTS}
    found = {name: int(side[1]) for name, side in sides.items() if side}
    assert found == {name: 512 if "512x288" in name else 128 if "128px" in name else 256 for name in VARIANTS}
    sections = read_params(ROOT / "unit" / "variants.yaml")
    assert all(sections[read_source(name).section]["shorter_side"] == found[name] for name in VARIANTS)
    assert len({read_source(name).licence for name in VARIANTS}) == 1
    assert all(f"folder {name}, file gen_*.pt" in read_source(name).published for name in VARIANTS)
    # What a set of nights says of its translator.
    assert read_source("unit_512x288_VGG_1").title == (
        "The published UNIT day-night generators, trained on 512x288 crops with the VGG term"
    )


def test_a_profile_of_the_paper_names_them_all() -> None:
    text = (ROOT / "profiles" / "paper.yaml").read_text()
    names = (re.sub(r"_[0-9]+$", "", name) for name in VARIANTS)
    assert not [name for name in names if name not in text]


def test_the_files_of_pitts30k() -> None:
    names = [file.name for file in read_source("pitts30k").files]
    assert names == [
        *(f"{number:03d}.tar" for number in range(7)),
        "queries_real.tar",
        "netvlad_v100_datasets.tar.gz",
    ]


def test_the_files_of_pitts250k() -> None:
    names = [file.name for file in read_source("pitts250k").files]
    assert names == [
        *(f"{number:03d}.tar" for number in range(11)),
        "queries_real.tar",
        "netvlad_v100_datasets.tar.gz",
    ]


@pytest.mark.parametrize("name", known_sources())
def test_sources_that_share_files_say_so_and_publish_them_alike(name: str) -> None:
    source = read_source(name)
    for other in map(read_source, source.shares_with):
        assert name in other.shares_with
        mine, theirs = ({file.name: file for file in one.files} for one in (source, other))
        shared = mine.keys() & theirs.keys()
        assert shared
        assert all(mine[file] == theirs[file] for file in shared)


def test_every_choice_of_the_readers_has_a_source() -> None:
    queries = [f"{choice}.zip" for choice in get_args(get_type_hints(Tokyo247Settings)["queries"])]
    files = {file.name for name in known_sources() for file in read_source(name).files}
    assert set(queries) <= files
    assert set(get_args(get_type_hints(PittsburghSettings)["part"])) <= set(known_sources())


def test_the_files_of_tokyo247() -> None:
    files = read_source("tokyo247").files
    assert [file.name for file in files[:16]] == [f"{number:05d}.tar" for number in range(3814, 3830)]
    assert all(file.addresses[0].endswith(f"/{file.name}") for file in files)


def test_small_sets_come_from_google_drive() -> None:
    for name in ("tokyo_xs", "sf_xs"):
        (file,) = read_source(name).files
        assert file.places == (f"drive:{file.drive}",)


def test_an_unknown_source_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        ParameterError, match=r"no source 'pits30k' in the registry; known are alderley, city, .*pitts30k"
    ):
        read_source("pits30k")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: [", "made_up.yaml is not YAML"),
        ("- a\n- b\n", "made_up.yaml: expected `name: value` lines, found list"),
        (GOOD + "colour: red\n", "made_up.yaml: unknown parameter colour"),
        ("title: A\nkind: archives\n", "made_up.yaml: missing parameter licence"),
        (GOOD.replace("archives", "film"), "made_up.yaml.kind must be one of city, archives, checkpoint"),
        (GOOD + "files: 000.tar\n", "made_up.yaml: files must be a list"),
        (GOOD + "files: [{name: a.tar, adresses: [x]}]\n", r"files\[0\]: unknown parameter adresses"),
        (GOOD + "files: [{name: ../a.tar}]\n", r"files\[0\]: name must be a file name, not '../a.tar'"),
        (
            GOOD + "files: [{name: a.tar, sha256: abc}]\n",
            r"files\[0\]: sha256 must be 64 hex digits, not 'abc'",
        ),
    ],
)
def test_a_malformed_entry_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        read_source("made_up", entry(tmp_path, text))
