"""The parameters that there are, and whether the program takes a section, by its own validation."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
import pytest
import yaml

from pipeline.city.settings import CitySettings
from pipeline.core import params
from pipeline.core.machine import Machine
from pipeline.core.params import build, read_params
from pipeline.datasets.readers.common import CommonSettings
from pipeline.datasets.readers.folder import FolderSettings
from pipeline.datasets.readers.pittsburgh import PittsburghSettings
from pipeline.datasets.readers.tokyo247 import Tokyo247Settings
from pipeline.vpr.augmentation import Augmentation
from pipeline.vpr.experiment import Experiment
from pipeline.vpr.hub import HubModel
from pipeline.vpr.train_settings import TrainSettings
from stages.augmentations import AugmentationSheetParams
from stages.compare import CompareParams
from stages.fetch import ArchivesParams, CheckpointParams
from stages.format import RawParams, SetsParams
from stages.sheet import SheetParams
from stages.training_sides import ListedFolder
from tests.import_graph import ROOT

# Sections whose entries become options of a command.
OPTIONS = ("pictures", "train_unit", "translate", "photometric", "merge", "apart", "select", "statistics")
FORMS = {
    "pittsburgh": PittsburghSettings,
    "tokyo247": Tokyo247Settings,
    "tokyo247_queries": Tokyo247Settings,
    "common": CommonSettings,
    "folder": FolderSettings,
}
KINDS = {"city": CitySettings, "archives": ArchivesParams, "checkpoint": CheckpointParams}
CLASSES: dict[str, type[Any]] = {
    "train": TrainSettings,
    "experiment": Experiment,
    "compare": CompareParams,
    "sheets": SheetParams,
    "augmentations": AugmentationSheetParams,
}


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
        *FORMS.values(),
        *KINDS.values(),
        *CLASSES.values(),
        RawParams,
        SetsParams,
        HubModel,
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
    unknown = set(document) - known_sections()
    assert not unknown, f"{where}: no such sections: {unknown}"
    for section, entries in document.items():
        if section == "sets":
            build(SetsParams, entries, where)
        elif isinstance(entries, dict) and section not in flat_sections():
            for name, entry in entries.items():
                _require_entry(section, name, dict(entry), where)


def _require_entry(section: str, name: str, entry: dict[str, Any], where: str) -> None:
    place = f"{where}: {section}.{name}"
    if section == "fetch":
        build(KINDS[entry.pop("kind")], entry, place)
    elif section == "format":
        common = {key: entry.pop(key) for key in ("raw", "form", "expected") if key in entry}
        build(FORMS[build(RawParams, common, place).form], entry, place)
    elif section in ("hub_local", "hub_github"):
        build(HubModel, entry | {"source": section.removeprefix("hub_")}, place)
    elif section in OPTIONS:
        _require_options(section, entry, place)
    else:
        built = build(CLASSES[section], entry, place)
        for title, change in getattr(built, "changes", {}).items():
            build(Augmentation, change, f"{place}.changes.{title}")


def _require_options(section: str, entry: Mapping[str, Any], place: str) -> None:
    command = _command(section)
    arguments = ["--name", "x"]
    for name, value in entry.items():
        if isinstance(value, bool):
            arguments.append(f"--{'' if value else 'no-'}{name}")
        else:
            arguments += [f"--{name}", "None" if value is None else str(value)]
    if "shards_above" in _options(section):
        arguments += ["--shards_above", "250000"]
    try:
        command.make_context(section, arguments)
    except click.ClickException as error:
        pytest.fail(f"{place}: {error.format_message()}")


def loaded(text: str) -> dict[str, Any]:
    """A block of YAML, read as params.yaml is."""
    document: dict[str, Any] = yaml.load(text, Loader=params._Loader)
    return document
