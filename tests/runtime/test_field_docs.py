from __future__ import annotations

from dataclasses import MISSING, dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest

from pipeline.runtime.field_docs import described, is_optional, summary_of
from pipeline.runtime.ranges import Pixels, Range


@dataclass(frozen=True)
class Part:
    """A part.

    size: its size.
    """

    size: int


@dataclass(frozen=True)
class Thing:
    """A thing, told on one line.

    Note: a line like a field's that is none.

    width, height: of the thing, which
        continues here.
    mode: "on" or "off".
    part: what is in it: a part.
    where: its place.

    ratio: least and largest.
    depth: below.
    """

    width: Pixels
    height: Pixels | None
    mode: Literal["on", "off"]
    part: Part | None
    where: Path
    ratio: tuple[float, float] = (1.0, 2.0)
    depth: Annotated[float, Range("metres", above=0)] = 1.0


def test_fields_have_meaning_values_and_default() -> None:
    found = {field.name: field for field in described(Thing)}
    assert list(found) == ["width", "height", "mode", "part", "where", "ratio", "depth"]
    assert found["width"].meaning == found["height"].meaning == "Of the thing, which continues here."
    assert found["part"].meaning == "What is in it: a part."
    assert [field.values for field in found.values()] == [
        *("pixels, at least 1", "pixels, at least 1", "on or off", "a section", "a path", "2 numbers"),
        "metres, above 0",
    ]
    assert found["mode"].choices == ("on", "off")
    assert found["part"].kind is Part
    assert found["width"].default is MISSING
    assert found["depth"].default == 1.0
    assert is_optional(Thing, "height")
    assert not is_optional(Thing, "width")
    assert summary_of(Thing) == "A thing, told on one line."


def test_a_field_without_a_meaning_is_named() -> None:
    @dataclass
    class Dumb:
        """width: of it."""

        width: int
        height: int
        depth: int

    with pytest.raises(LookupError, match="docstring of Dumb does not say what height, depth mean"):
        described(Dumb)
