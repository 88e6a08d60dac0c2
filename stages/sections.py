"""The types of the sections of params.yaml, and whether their contents are valid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any

import click

from pipeline.city.settings import CitySettings
from pipeline.core.params import build
from pipeline.datasets.formatting.forms import reader_of
from pipeline.report.page.page import PageParams
from pipeline.report.tables.comparison import Comparison
from pipeline.report.tables.headline import HeadlineParams
from pipeline.runtime.errors import DusklineError, ParameterError
from pipeline.vpr.adaptation.settings import AdaptSettings
from pipeline.vpr.augmentation.transforms import Augmentation
from pipeline.vpr.experiments.asymmetric import Asymmetric
from pipeline.vpr.experiments.experiment import Experiment
from pipeline.vpr.experiments.torch_hub import HubModel
from pipeline.vpr.training.settings import TrainSettings
from stages.augmentations import AugmentationSheetParams
from stages.compare import CompareParams
from stages.fetch import ArchivesParams, CheckpointParams
from stages.format import RawParams, SetsParams
from stages.model_file import ModelFileParams
from stages.sheet import SheetParams

# Dataclasses of entries of `fetch`, by their `kind`.
KINDS: dict[str, type[Any]] = {
    "city": CitySettings,
    "archives": ArchivesParams,
    "checkpoint": CheckpointParams,
}
# Sections whose entries are each an instance of a dataclass.
ENTRIES: dict[str, type[Any]] = {
    "augmentations": AugmentationSheetParams,
    "train": TrainSettings,
    "adapt": AdaptSettings,
    "asymmetric": Asymmetric,
    "model_file": ModelFileParams,
    "hub_local": HubModel,
    "hub_github": HubModel,
    "experiment": Experiment,
    "headline": HeadlineParams,
    "sheets": SheetParams,
    "compare": CompareParams,
}
# Sections whose entries become options of the stage of that name.
OPTIONS = ("image_lists", "train_unit", "translate", "photometric", "merge", "apart", "select", "statistics")
# Sections without entries, which are an instance of a dataclass themselves.
ALONE: dict[str, type[Any]] = {
    "sets": SetsParams,
    "comparison": Comparison,
    "report": PageParams,
}
SECTIONS = ("fetch", "format", *ENTRIES, *OPTIONS, *ALONE, "test_sets")


def wrong_sections(params: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong in `params`: for each section or entry the message that its stage would give."""
    for section, content in params.items():
        if section not in SECTIONS:
            yield f"{section}: no stage reads a section of that name"
        elif section == "test_sets":
            if not isinstance(content, list):
                yield "test_sets: must be a list of datasets"
        elif section in ALONE:
            yield from _refusal(_build, ALONE[section], content, section)
        elif not isinstance(content, Mapping):
            yield f"{section}: must be a section, with an entry for each name"
        else:
            for name, entry in content.items():
                yield from _refusal(_take, section, str(name), entry)


def _refusal(take: Callable[..., object], *arguments: object) -> Iterator[str]:
    try:
        take(*arguments)
    except DusklineError as error:
        yield error.message


def _build(kind: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise ParameterError(f"{where}: must be a section, not {values!r}")
    return build(kind, values, where)


def _take(section: str, name: str, values: Any) -> None:
    """Build an entry as its stage does; `DusklineError` as in the stage."""
    where = f"{section}.{name}"
    if not isinstance(values, Mapping):
        raise ParameterError(f"{where}: must be a section, not {values!r}")
    entry = dict(values)
    if section == "fetch":
        build(_kind(entry.pop("kind", None), where), entry, where)
    elif section == "format":
        common = {key: entry.pop(key) for key in ("raw", "form", "expected") if key in entry}
        form = build(RawParams, common, where).form
        build(reader_of(form, where)[0], entry, where)
    elif section in ("hub_local", "hub_github"):
        build(HubModel, entry | {"source": section.removeprefix("hub_")}, where)
    elif section in OPTIONS:
        _take_options(section, entry, where)
    else:
        built = build(ENTRIES[section], entry, where)
        for title, change in getattr(built, "changes", {}).items():
            build(Augmentation, change, f"{where}.changes.{title}")


def _kind(choice: Any, where: str) -> type[Any]:
    if choice not in KINDS:
        raise ParameterError(f"{where}.kind must be one of {', '.join(KINDS)}, not {choice!r}")
    return KINDS[choice]


def _take_options(section: str, entry: Mapping[str, Any], where: str) -> None:
    """Parse the entry as the options that DVC makes from it."""
    command: click.Command = import_module(f"stages.{section}").main
    arguments = ["--name", "x"]
    for name, value in entry.items():
        if isinstance(value, bool):
            arguments.append(f"--{'' if value else 'no-'}{name}")
        else:
            arguments += [f"--{name}", "None" if value is None else str(value)]
    if any(option.name == "shards_above" for option in command.params):
        arguments += ["--shards_above", "1"]
    try:
        command.make_context(section, arguments)
    except click.ClickException as error:
        raise ParameterError(f"{where}: {error.format_message()}") from error
