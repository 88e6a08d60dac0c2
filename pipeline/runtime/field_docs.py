"""The fields of a settings dataclass: their meaning from its docstring, unit and range from their types.

The docstring has a line `name: meaning.` for each field, or `one, other: meaning.` for several; the lines
below belong to it, up to an empty line or the next field.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.runtime.ranges import Range, range_of

_ENTRY = re.compile(r"(?P<names>[a-z]\w*(?:, [a-z]\w*)*): (?P<meaning>.*)")


@dataclass(frozen=True)
class Described:
    """A field: its meaning as a sentence, its type without range, and the range of a number.

    default: its value if it is left out; `dataclasses.MISSING` if it is required.
    """

    name: str
    meaning: str
    kind: Any
    range: Range | None
    default: Any

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values, if they are listed."""
        return typing.get_args(self.kind) if typing.get_origin(self.kind) is typing.Literal else ()

    @property
    def values(self) -> str:
        """The allowed values in words."""
        if self.choices:
            return " or ".join(map(str, self.choices))
        if self.range is not None:
            return str(self.range)
        words = {str: "text", bool: "true or false", Path: "a path", int: "a whole number", float: "a number"}
        origin = typing.get_origin(self.kind)
        if origin is tuple:
            kinds = typing.get_args(self.kind)
            return "a list of names" if Ellipsis in kinds else f"{len(kinds)} numbers"
        return words.get(self.kind, "a section")


def described(kind: type) -> list[Described]:
    """The fields of the dataclass `kind`, in order; `LookupError` names those without a meaning."""
    meanings = _meanings(kind)
    fields = dataclasses.fields(kind)
    if lacking := [field.name for field in fields if field.name not in meanings]:
        raise LookupError(f"the docstring of {kind.__name__} does not say what {', '.join(lacking)} mean")
    hints = typing.get_type_hints(kind)
    ranges = typing.get_type_hints(kind, include_extras=True)
    return [
        Described(
            field.name,
            meanings[field.name],
            _without_none(hints[field.name]),
            range_of(ranges[field.name]),
            field.default,
        )
        for field in fields
    ]


def is_optional(kind: type, name: str) -> bool:
    """Whether the field `name` of the dataclass `kind` may be null."""
    return type(None) in typing.get_args(typing.get_type_hints(kind)[name])


def summary_of(kind: type) -> str:
    """The first paragraph of the docstring of the dataclass `kind`, as one line."""
    first: str = inspect.getdoc(kind).partition("\n\n")[0]  # type: ignore[union-attr]  # ours have one
    return " ".join(first.split())


def _meanings(kind: type) -> dict[str, str]:
    names = {field.name for field in dataclasses.fields(kind)}
    meanings: dict[str, str] = {}
    current: list[str] = []
    for line in (inspect.getdoc(kind) or "").splitlines():
        entry = _ENTRY.fullmatch(line)
        if entry is not None and names.issuperset(found := entry["names"].split(", ")):
            current = found
            meanings |= dict.fromkeys(current, entry["meaning"])
        elif not line:
            current = []
        else:
            meanings |= {name: f"{meanings[name]} {line.strip()}" for name in current}
    return {name: meaning[0].upper() + meaning[1:] for name, meaning in meanings.items()}


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint
