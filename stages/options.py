"""Command options, made from the types of pipeline/runtime/ranges.py, so that help states what is checked."""

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
# Gives the names that an option may have here, for the shell to complete.
Names = Callable[[], list[str]]


class Number(click.ParamType):  # type: ignore[type-arg]  # of click before 8.4 it takes none
    """A whole number (`kind` int) or any (`kind` float) of the range `allowed`, or null where `nullable`."""

    def __init__(self, kind: type, allowed: Range, *, nullable: bool = False) -> None:
        self.kind = kind
        self.allowed = allowed
        self.nullable = nullable
        self.name = "integer" if kind is int else "number"

    @property
    def words(self) -> str:
        """What it takes, as help and docs have it."""
        return f"{self.allowed}, or null" if self.nullable else str(self.allowed)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a number, and refuse what is none or out of the range."""
        # So DVC hands on the null of a section.
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
    """What click reads a value of the type `hint` by; numbers have a range, as all types of ranges.py."""
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

    names: what it may be here, for the shell to complete.
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
    """A required option spelt exactly as in params.yaml (`--shorter_side`); DVC unpacks the section into it.

    There is no default in a second place: a missing or misspelt parameter is refused by click.
    """
    # click takes a null for what is missing.
    needed = {"callback": _there} if type(None) in typing.get_args(hint) else {"required": True}
    return option(f"--{name}", hint, meaning, names=names, **needed)


def _there(context: click.Context, given: click.Parameter, value: Any) -> Any:
    if context.get_parameter_source(str(given.name)) == ParameterSource.DEFAULT:
        raise click.MissingParameter(ctx=context, param=given)
    return value


def parameters_of(settings: type, **defaults: Any) -> Callable[[Function], Function]:
    """A `parameter` for each field of a settings dataclass, with the meaning that its docstring gives.

    With `defaults` it is an option for people (`--shorter-side`), required where neither they nor the field
    have a value. A field with a default may be left out either way, and an option whose default is None is as
    the checkpoint was published.
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
    """Complete what begins like one of `names`; nothing where they is not available."""

    def complete(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(name) for name in map(str, names()) if name.startswith(begun)]
        except (OSError, yaml.YAMLError):
            return []

    return complete


def shards_parameter(function: Callable[..., str]) -> Callable[..., str]:
    """Add `shards_above`, the one entry of the section `sets`, to a stage that writes a set."""
    return parameter(
        "shards_above",
        Annotated[int, Range("images", least=0)],
        "A dataset with more images than this is stored as shards.",
    )(function)
