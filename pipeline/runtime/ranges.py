"""Ranges and units of numeric settings: one definition for checks, help texts and docs.

A field of a settings dataclass has such a type (`height: Pixels`), and its `__post_init__` calls
`require_ranges`; command options are made from the same types. So help texts always state the range that is
checked.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class Range:
    """Numbers from `least` (or above `above`) to `most` (or below `below`), each None for no limit.

    unit: what they count, in the plural, such as pixels or metres; "" for shares, factors and the like.
    """

    unit: str = ""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None

    @property
    def words(self) -> str:
        """The range without its unit."""
        if self.least is not None and self.most is not None:
            words = f"between {_text(self.least)} and {_text(self.most)}"
        else:
            ends = (
                ("at least", self.least),
                ("above", self.above),
                ("at most", self.most),
                ("below", self.below),
            )
            words = " and ".join(f"{name} {_text(end)}" for name, end in ends if end is not None)
        return words

    def __str__(self) -> str:
        """Unit and range, as in the brackets after a help text and in the docs."""
        return f"{self.unit}, {self.words}" if self.unit else self.words

    def holds(self, value: float) -> bool:
        """Whether `value` is in the range; only finite numbers are."""
        return (
            math.isfinite(value)
            and (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def require(self, name: str, value: float) -> None:
        """Raise `ValueError`, in which the setting is called `name`, if `value` is not in the range."""
        if not self.holds(value):
            unit = f" ({self.unit})" if self.unit else ""
            raise ValueError(f"{name} must be {self.words}{unit}, not {_text(value)}")


Count = Annotated[int, Range(least=1)]
Whole = Annotated[int, Range(least=0)]
Pixels = Annotated[int, Range("pixels", least=1)]
Metres = Annotated[float, Range("metres", above=0)]
Share = Annotated[float, Range(least=0, most=1)]
Factor = Annotated[float, Range(least=0)]
Seed = Annotated[int, Range(least=0)]
JpegQuality = Annotated[int, Range(least=1, most=95)]


def range_of(hint: Any) -> Range | None:
    """The range in a type such as `Pixels`, or `Pixels | None`; None if it has none."""
    for part in getattr(hint, "__metadata__", ()):
        if isinstance(part, Range):
            return part
    of_parts = [found for part in typing.get_args(hint) if (found := range_of(part)) is not None]
    return of_parts[0] if of_parts else None


def require_ranges(settings: Any) -> None:
    """Raise `ValueError` if a field of the dataclass instance `settings` is out of its type's range.

    None is always allowed, and so is a field's default: it belongs to a choice that is not made.
    """
    ranges = _ranges(settings.__class__)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if field.name in ranges and value is not None and value != field.default:
            ranges[field.name].require(field.name, value)


def require_range(settings: Any, name: str) -> None:
    """Raise `ValueError` if the number `name` of a dataclass instance is out of its type's range."""
    _ranges(settings.__class__)[name].require(name, getattr(settings, name))


@functools.cache
def _ranges(kind: type) -> dict[str, Range]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: found for name, hint in hints.items() if (found := range_of(hint)) is not None}


def _text(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
