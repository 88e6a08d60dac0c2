"""YAML on the pages is taken by the program as it would be in params.yaml."""

from __future__ import annotations

import pytest

from pipeline.core.params import read_params
from tests.docs.pages import Block, pages
from tests.docs.parameters import loaded, require_accepted
from tests.docs.walk import merged
from tests.import_graph import ROOT

BLOCKS = [block for page in pages() for block in page.blocks if block.language == "yaml"]


def in_full(block: Block) -> dict[str, object]:
    """The sections that a block speaks of, as they are once it is written where it belongs."""
    document = loaded(block.text)
    profile = (
        "profiles/city.yaml" if block.mark == "into params.yaml" else block.mark.removeprefix("params of ")
    )
    if not (ROOT / profile).is_file():
        return document
    everything = merged(read_params(ROOT / profile), document)
    return {section: everything[section] for section in document}


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_the_program_takes_it(block: Block) -> None:
    if not block.mark.startswith("not params: "):
        require_accepted(in_full(block), block.where)


def test_what_the_program_does_not_take_is_found() -> None:
    with pytest.raises(AssertionError, match=r"experiment\.x: unknown parameter qualty"):
        require_accepted(loaded("experiment: {x: {qualty: 3}}"), "here")
    with pytest.raises(AssertionError, match=r"translate\.x: No such option.*--qualty"):
        require_accepted(loaded("translate: {x: {qualty: 3}}"), "here")
    with pytest.raises(AssertionError, match="translation: no stage reads a section of that name"):
        require_accepted(loaded("translation: {}"), "here")


@pytest.mark.parametrize("profile", sorted(path.name for path in (ROOT / "profiles").glob("*.yaml")))
def test_profiles_are_taken_by_the_same_rules(profile: str) -> None:
    require_accepted(read_params(ROOT / "profiles" / profile), profile)
