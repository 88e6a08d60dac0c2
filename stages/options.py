"""Command options made from the types of pipeline/runtime/ranges.py: help shows the checked ranges."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable
from dataclasses import MISSING
from pathlib import Path
from typing import Annotated, Any

import click
import yaml
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from pipeline.runtime.field_docs import described
from pipeline.runtime.ranges import Range, range_of

Function = Callable[..., Any]
# Returns the possible values of an option, for shell completion.
Names = Callable[[], list[str]]


class Number(click.ParamType):  # type: ignore[type-arg]  # click before 8.4 has no type parameter
    """A whole number (`kind` int) or any (`kind` float) of the range `allowed`, or null where `nullable`."""

    def __init__(self, kind: type, allowed: Range, *, nullable: bool = False) -> None:
        self.kind = kind
        self.allowed = allowed
        self.nullable = nullable
        self.name = "integer" if kind is int else "number"

    @property
    def words(self) -> str:
        """The allowed values, as in help and docs."""
        return f"{self.allowed}, or null" if self.nullable else str(self.allowed)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number; refuse other text and numbers out of range."""
        # This is how DVC passes on a null in params.yaml.
        if self.nullable and str(value).lower() in ("none", "null"):
            return None
        try:
            number = self.kind(value)
        except ValueError:
            number = math.nan
        if not self.allowed.holds(number):
            what = "whole number" if self.kind is int else "number"
            self.fail(f"expected a {what} [{self.allowed}], found {value!r}", param, ctx)
        return number


def type_of(hint: Any) -> click.ParamType[Any]:
    """The click type for values of the type `hint`; numbers must have a range, as in ranges.py."""
    allowed = range_of(hint)
    if allowed is not None:
        if nullable := type(None) in typing.get_args(hint):
            hint = typing.get_args(hint)[0]
        return Number(typing.get_args(hint)[0], allowed, nullable=nullable)
    if typing.get_origin(hint) is typing.Literal:
        return click.Choice(typing.get_args(hint))
    if hint is Path:
        return click.Path(path_type=Path)
    if hint in (str, bool):
        return click.STRING if hint is str else click.BOOL
    raise TypeError(f"an option cannot be a {hint}: numbers need a range")


def option(name: str, hint: Any, meaning: str, *, names: Names | None = None, **settings: Any) -> Function:
    """An option such as `--shorter-side` of the type `hint`; `settings` are click's own, such as a default.

    names: its possible values, for shell completion.
    """
    kind = type_of(hint)
    if isinstance(kind, Number):
        meaning = f"{meaning} [{kind.words}]"
    declared = f"{name}/--no-{name.removeprefix('--')}" if hint is bool else name
    return click.option(
        declared,
        type=None if hint is bool else kind,
        help=meaning,
        shell_complete=names and completing(names),
        **({"show_default": "default" in settings} | settings),
    )


def parameter(name: str, hint: Any, meaning: str, *, names: Names | None = None) -> Function:
    """A required option named as in params.yaml (`--shorter_side`); DVC unpacks the section into options.

    There is no second place for defaults: click refuses a missing or misspelt parameter.
    """
    # click treats a null as missing.
    needed = {"callback": _there} if type(None) in typing.get_args(hint) else {"required": True}
    return option(f"--{name}", hint, meaning, names=names, **needed)


def _there(context: click.Context, given: click.Parameter, value: Any) -> Any:
    if context.get_parameter_source(str(given.name)) == ParameterSource.DEFAULT:
        raise click.MissingParameter(ctx=context, param=given)
    return value


def parameters_of(settings: type, **defaults: Any) -> Callable[[Function], Function]:
    """A `parameter` for each field of a settings dataclass, with the meaning from its docstring.

    With `defaults` it is an option for people (`--shorter-side`), required if neither they nor the field have
    a value. A field with a default may be left out either way; a default of None means "as published".
    """
    hints = typing.get_type_hints(settings, include_extras=True)

    def add(function: Function) -> Function:
        for field in reversed(described(settings)):
            hint, spelt = hints[field.name], field.name.replace("_", "-") if defaults else field.name
            usual = defaults.get(field.name, field.default)
            if usual is not MISSING:
                shown = "as published" if usual is None else True
                add_one = option(f"--{spelt}", hint, field.meaning, default=usual, show_default=shown)
            elif defaults:
                add_one = option(f"--{spelt}", hint, field.meaning, required=True)
            else:
                add_one = parameter(field.name, hint, field.meaning)
            function = add_one(function)
        return function

    return add


def completing(names: Names) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Complete values from `names`; nothing if params.yaml cannot be read."""

    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(name) for name in map(str, names()) if name.startswith(begun)]
        except (OSError, yaml.YAMLError):
            return []

    return complete


def shards_parameter(function: Callable[..., str]) -> Callable[..., str]:
    """Add `shards_above`, the only entry of the section `sets`, to a stage that writes a dataset."""
    return parameter(
        "shards_above",
        Annotated[int, Range("images", least=0)],
        "A dataset with more images than this is stored as shards.",
    )(function)
