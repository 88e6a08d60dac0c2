"""The parameters that there are, and whether the program takes a section, by its own validation."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
import yaml

from pipeline.core import params
from pipeline.core.params import read_params
from pipeline.datasets.formatting.forms import READERS
from pipeline.runtime.machine import Machine
from pipeline.vpr.augmentation.transforms import Augmentation
from stages.format import RawParams
from stages.sections import ALONE, ENTRIES, KINDS, OPTIONS, wrong_sections
from stages.training_sides import ListedFolder
from tests.import_graph import ROOT


def known_sections() -> set[str]:
    """The sections of params.yaml."""
    return set(read_params(ROOT / "profiles" / "city.yaml"))


def flat_sections() -> set[str]:
    """Those that have parameters themselves, instead of entries that have them."""
    params = read_params(ROOT / "profiles" / "city.yaml")
    flat = {
        name
        for name, section in params.items()
        if any(not isinstance(value, dict) for value in _values(section))
    }
    return flat | {"comparison"}


def _values(section: Any) -> list[Any]:
    """The values of a section; of a list none."""
    return list(section.values()) if isinstance(section, dict) else []


def known_parameters() -> set[str]:
    """The names of all parameters, whatever their section, and of the machine's settings."""
    classes = [
        *(form for form, _ in READERS.values()),
        *KINDS.values(),
        *ENTRIES.values(),
        *ALONE.values(),
        RawParams,
        Machine,
        ListedFolder,
    ]
    names = {name for each in classes for name in _fields(each)} | _fields(Augmentation)
    names |= {option for section in OPTIONS for option in _options(section)}
    params = read_params(ROOT / "profiles" / "city.yaml")
    names |= {name for section in flat_sections() for name in params[section]}
    return names | known_sections() | {"kind"}


def _fields(kind: type[Any]) -> set[str]:
    """The fields of a dataclass, and those of the dataclasses in it."""
    names: set[str] = set()
    for name, hint in typing.get_type_hints(kind).items():
        names.add(name)
        for each in (hint, *typing.get_args(hint)):
            if isinstance(each, type) and dataclasses.is_dataclass(each):
                names |= _fields(each)
    return names


def _command(section: str) -> click.Command:
    command: click.Command = import_module(f"stages.{section}").main
    return command


def _options(section: str) -> set[str]:
    return {str(parameter.name) for parameter in _command(section).params} - {"debug", "name"}


def require_accepted(document: Mapping[str, Any], where: str) -> None:
    """Fail unless the program takes every entry of the sections in `document`."""
    wrong = list(wrong_sections(document))
    assert not wrong, f"{where}: {wrong}"


def loaded(text: str) -> dict[str, Any]:
    """A block of YAML, read as params.yaml is."""
    document: dict[str, Any] = yaml.load(text, Loader=params._Loader)
    return document
