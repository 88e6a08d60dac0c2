"""docs/parameters.md: current, and whole."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from pipeline.core.params import build, read_params
from pipeline.runtime.field_docs import described
from tests.parameters_page import PAGE, PROFILES, SETTINGS, instances, keys_of, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "python -m tests.parameters_page writes it again"


@pytest.mark.parametrize("profile", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_every_key_of_every_profile_has_a_row_in_its_section(profile: str) -> None:
    rows = set()
    section = ""
    for line in PAGE.read_text().splitlines():
        if heading := re.match(r"## (\w+)$", line):
            section = heading[1]
        if row := re.match(r"\| `(\w+)` \|", line):
            rows.add(f"{section}.{row[1]}")
    assert set(keys_of(read_params(PROFILES / f"{profile}.yaml"))) <= rows


def test_every_section_says_who_reads_it() -> None:
    for section in read_params(PROFILES / "city.yaml"):
        assert re.search(rf"^## {section}\n\nRead by `\w+`", PAGE.read_text(), flags=re.MULTILINE), section


def test_every_row_has_a_meaning_and_says_what_it_takes() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    for cells in rows:
        # A parameter has two columns behind these, a setting of the machine one.
        meaning, values = cells[-3:-1] if "DUSKLINE_" in cells[0] else cells[-4:-2]
        assert len(meaning.split()) >= 2, cells
        assert values, cells


def ranged() -> list[tuple[str, Any, str]]:
    """Each number of each section of the profiles: its place, a settings instance that has it, its name."""
    found: dict[str, tuple[str, Any, str]] = {}
    for path in sorted(PROFILES.glob("*.yaml")):
        params = read_params(path)
        for section, kinds in SETTINGS.items():
            for common, kind in kinds:
                for entry in instances(params, section, common):
                    names = {field.name for field in fields(kind)}
                    values = {key: value for key, value in entry.items() if key in names}
                    # What the stage says, and no section.
                    values |= {"source": section.removeprefix("hub_")} if "source" in names else {}
                    settings = build(kind, values, section)
                    for field in described(kind):
                        if field.range is not None and getattr(settings, field.name) is not None:
                            place = f"{section}, {common}: {field.name}"
                            found[place] = (place, settings, field.name)
    return list(found.values())


RANGED = ranged()


@pytest.mark.parametrize(("place", "settings", "name"), RANGED, ids=[place for place, _, _ in RANGED])
def test_what_a_number_of_a_section_promises_is_checked(place: str, settings: Any, name: str) -> None:
    allowed = next(field.range for field in described(type(settings)) if field.name == name)
    assert allowed is not None
    ends = [(allowed.least, -1), (allowed.most, 1), (allowed.above, 0), (allowed.below, 0)]
    for end, step in ends:
        if end is not None and end + step != settings.__dataclass_fields__[name].default:
            with pytest.raises(ValueError, match=f"{name} must be {re.escape(allowed.words)}"):
                replace(settings, **{name: end + step})


def test_there_are_numbers_among_them() -> None:
    assert len(RANGED) > 40
