"""A set says under which terms it may be used, and sets made from it say so too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.core.files import read_json
from pipeline.datasets.derived.exclude_overlap import exclude_overlap
from pipeline.datasets.derived.merge import merge_sets
from pipeline.datasets.derived.select import select_time
from pipeline.datasets.formatting.build_set import RawImage, format_set
from pipeline.datasets.image_set.image_set import ImageSet
from pipeline.datasets.image_set.licence_terms import TERMS, Terms, read_terms, write_terms
from pipeline.datasets.sources.registry import read_source, terms_below
from pipeline.datasets.writing.set_writer import replaced_set
from pipeline.night.engine.translate_set import translate_set
from pipeline.runtime.errors import DusklineError
from tests.datasets.made_sets import day_set
from tests.datasets.raw_forms import jpeg
from tests.night.fakes import JPG, Darkened

RAW = Path("data/raw")
ONE = Terms("one", "The first", "MIT")
OTHER = Terms("other", "The other", "CC BY 4.0", terms="Write to them.", citation="Somebody: Something, 2020")


def test_of_a_known_source_the_registry_tells() -> None:
    source = read_source("pitts30k")
    found = terms_below(RAW / "pitts30k", RAW, "unused")
    assert (found.name, found.title, found.licence) == ("pitts30k", source.title, source.licence)
    assert found.terms == source.terms.strip()
    assert found.citation == source.citation


def test_a_part_of_a_source_has_its_terms() -> None:
    assert terms_below(RAW / "city" / "pittsburgh", RAW, "unused").licence == read_source("city").licence


def test_a_form_that_one_source_has_tells_the_terms_wherever_it_lies() -> None:
    found = terms_below(Path("archives/gsv"), RAW, "unused", "gsv_cities")
    assert found.licence == read_source("gsv_cities").licence
    assert "nothing that is made of them may be passed on" in found.terms
    assert terms_below(RAW / "city" / "tokyo247", RAW, "unused", "tokyo247").name == "city"
    assert "not known" in terms_below(Path("archives/street"), RAW, "street", "folder").licence


@pytest.mark.parametrize("place", [Path("/home/me/street"), RAW / "of_nobody" / "street", Path("street")])
def test_of_the_user_s_own_nothing_is_claimed(place: Path) -> None:
    found = terms_below(place, RAW, "images of my street")
    assert found == Terms("street", "images of my street", found.licence)
    assert "not known" in found.licence


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    write_terms(tmp_path, [OTHER, ONE])
    assert read_terms(tmp_path) == (ONE, OTHER)


def test_all_parts_are_named_once_in_one_order(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    write_terms(one, [ONE, OTHER], [ONE])
    write_terms(other, [OTHER], [ONE])
    assert (one / TERMS).read_bytes() == (other / TERMS).read_bytes()
    assert [entry["name"] for entry in read_json(one / TERMS)] == ["one", "other"]


def test_without_terms_there_is_no_file(tmp_path: Path) -> None:
    write_terms(tmp_path, [])
    assert not (tmp_path / TERMS).exists()
    assert read_terms(tmp_path) == ()


# Sets that are made from others


def test_every_set_that_is_made_from_another_has_its_terms(tmp_path: Path) -> None:
    day = day_set(tmp_path / "day", database=2, queries=3)
    write_terms(day.root, [OTHER])
    translate_set(day, tmp_path / "night", Darkened(), JPG, tmp_path / "store", 1, 0.0, terms=[ONE])
    night = ImageSet.open(tmp_path / "night")
    assert read_terms(night.root) == (ONE, OTHER)
    merge_sets(day, night, tmp_path / "dn", 1.0, 0)
    assert read_terms(tmp_path / "dn") == (ONE, OTHER)
    select_time(day, tmp_path / "selected", "night", None)
    assert read_terms(tmp_path / "selected") == (OTHER,)
    with replaced_set(tmp_path / "far") as writer:
        _, east, *others = day.rows[0].name.split("@")
        name = "@".join(["images/test/queries/", f"{float(east) + 5000:.2f}", *others])
        writer.add(name, b"far away", source="raw", width=4, height=3)
    exclude_overlap(
        replace(day, rows=day.rows[1:]), ImageSet.open(tmp_path / "far"), tmp_path / "apart", 25.0
    )
    assert read_terms(tmp_path / "apart") == (OTHER,)


def test_a_formatted_set_has_those_of_its_source(tmp_path: Path) -> None:
    image = RawImage(
        "test", "queries", "@500000.00@4400000.00@17@T@@@1@@@@@@@@.jpg", "raw", lambda: jpeg(16, 12)
    )
    format_set([image], tmp_path / "set", workers=1, terms=[ONE])
    assert read_terms(tmp_path / "set") == (ONE,)


def test_another_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / TERMS).write_text('{"name": "one"}')
    with pytest.raises(DusklineError, match=r"terms\.json is not a list of terms"):
        read_terms(tmp_path)


def test_an_entry_without_a_licence_is_refused(tmp_path: Path) -> None:
    (tmp_path / TERMS).write_text('[{"name": "one", "title": "The first"}]')
    with pytest.raises(DusklineError, match="missing parameter licence"):
        read_terms(tmp_path)
