"""docs/parameters.md, made of the code and the profiles; `python -m tests.parameters_page` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from importlib import import_module
from typing import Any

import click
import yaml

from pipeline.core.params import read_params
from pipeline.datasets.formatting.forms import READERS
from pipeline.runtime.field_docs import Described, described, is_optional, summary_of
from pipeline.runtime.machine import Machine, read_machine
from pipeline.vpr.augmentation.transforms import Augmentation
from stages.format import RawParams
from stages.options import Number
from stages.sections import ALONE, ENTRIES, KINDS
from tests.import_graph import ROOT
from tests.stage_rooms import DVC_YAML

PAGE = ROOT / "docs" / "parameters.md"
PROFILES = ROOT / "profiles"

# The dataclasses that stages read their sections by, each with what its instances share ("" for all).
# Sections that are not here are options of their stage, which says all about them itself.
SETTINGS: dict[str, list[tuple[str, type[Any]]]] = {
    "fetch": [(f"kind: {name}", kind) for name, kind in KINDS.items()],
    "format": [("", RawParams), *((f"form: {name}", form) for name, (form, _) in READERS.items())],
} | {section: [("", kind)] for section, kind in (ENTRIES | ALONE).items()}
# What a stage says itself, and no section.
NOT_IN_SECTIONS = {"hub_local": {"source"}, "hub_github": {"source"}}
NAMES = {
    "fetch": "a source in the registry (`duskline sources`)",
    "format": "a dataset in `data/sets/`",
    "image_lists": "a listing",
    "train_unit": "a translator, `models/unit/<name>.pt`",
    "translate": "a night dataset in `data/sets/`",
    "photometric": "a night dataset in `data/sets/`",
    "merge": "a dataset in `data/sets/`",
    "apart": "a dataset in `data/sets/`",
    "select": "a dataset in `data/sets/`",
    "augmentations": "a sheet",
    "train": "a model in `models/vpr/`",
    "adapt": "a model in `models/vpr/`",
    "asymmetric": "a model in `models/vpr/`",
    "model_file": "a model in `models/vpr/`",
    "hub_local": "a model in `models/vpr/`",
    "hub_github": "a model in `models/vpr/`",
    "experiment": "an experiment; its recalls are in `results/`",
    "headline": "a card at the top of the page",
    "statistics": "a dataset in `data/sets/`",
    "sheets": "a night dataset in `data/sets/`",
    "compare": "a comparison",
}
INTRODUCTION = """\
# Every parameter

Written by `python -m tests.parameters_page`, from the code that checks them and from `profiles/`.

A parameter decides what is made. When it changes, `dvc repro` reruns the stages that read it. params.yaml is
a copy of a profile (`cp profiles/city.yaml params.yaml`). It must have every key, except those that "may be
left out". Values in brackets are those of the paper, or of the published translator. A section with named
entries can have any number of them: `train.<name>.lr`. Settings of the machine, which never change an output,
are [at the end](#settings-of-the-machine).
"""


@dataclass(frozen=True)
class Row:
    """A parameter: its key, meaning, what values it takes, and those that each profile gives it."""

    key: str
    meaning: str
    values: str

    def line(self, given: dict[str, list[str]]) -> str:
        usual = given.pop("city")
        others = [f"{name}: {_some(values)}" for name, values in given.items() if values and values != usual]
        cells = (f"`{self.key}`", self.meaning, self.values, _some(usual), "; ".join(others))
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def page() -> str:
    """The whole page."""
    profiles = {path.stem: read_params(path) for path in sorted(PROFILES.glob("*.yaml"))}
    parts = [INTRODUCTION]
    for section in profiles["city"]:
        parts += _section(section, profiles)
    parts += _augmentation(profiles)
    parts += _machine()
    return "\n".join(parts)


def _section(section: str, profiles: dict[str, Any]) -> Iterator[str]:
    yield f"## {section}\n"
    readers = ", ".join(f"`{stage}`" for stage in _readers(section))
    named = f" A name here is {NAMES[section]}." if section in NAMES else ""
    yield f"Read by {readers}.{named}\n"
    if section == "test_sets":
        yield "A list of datasets: every experiment is evaluated on the test split of each.\n"
        return
    for common, rows in _tables(section):
        if common:
            yield f"### {section}, {common}\n"
        yield from _table(
            rows, {name: instances(params, section, common) for name, params in profiles.items()}
        )


def _tables(section: str) -> Iterator[tuple[str, list[Row]]]:
    if section not in SETTINGS:
        yield "", _options(section)
    if section == "fetch":
        yield (
            "",
            [Row("kind", "Kind of the source, as in the registry.", "city or archives or checkpoint")],
        )
    for common, kind in SETTINGS.get(section, []):
        left_out = NOT_IN_SECTIONS.get(section, ())
        yield common, [_row(kind, field) for field in described(kind) if field.name not in left_out]


def _row(kind: type, field: Described) -> Row:
    values = f"{field.values} or null" if is_optional(kind, field.name) else field.values
    if isinstance(field.default, str):
        values += f"; when left out {field.default}"
    elif field.default is not MISSING:
        values += "; may be left out"
    return Row(field.name, field.meaning, values)


def _options(section: str) -> list[Row]:
    """The rows of a section that becomes options of its stage, as the command has them."""
    stage = next(stage for stage, body in _bodies().items() if body.get("foreach") == f"${{{section}}}")
    command: click.Command = import_module(f"stages.{stage}").main
    common = {"name", "quiet", "debug", "shards_above"}
    rows = []
    for option in command.params:
        assert isinstance(option, click.Option)
        assert option.name is not None
        if option.name not in common:
            needed = option.required or option.callback
            left_out = "" if needed else f"; when left out {option.default}"
            rows.append(Row(option.name, _without_range(option), _values(option) + left_out))
    return rows


def _without_range(option: click.Option) -> str:
    text = option.help or ""
    return text.removesuffix(f" [{option.type.words}]") if isinstance(option.type, Number) else text


def _values(option: click.Option) -> str:
    # A null is a value, which click does not require.
    return _kinds(option) + ("" if option.required or option.callback else "; may be left out")


def _kinds(option: click.Option) -> str:
    if isinstance(option.type, Number):
        return option.type.words
    if isinstance(option.type, click.Choice):
        return " or ".join(option.type.choices)
    if option.is_flag:
        return "true or false"
    return "a path" if isinstance(option.type, click.Path) else "text"


def _augmentation(profiles: dict[str, Any]) -> Iterator[str]:
    yield "## An augmentation\n"
    yield (
        "The value of `augmentations.<name>.changes`, `train.<name>.augmentation` and"
        " `train.<name>.night_augmentation`; read by `augmentations` and `train`. Parts that are left out do"
        " nothing; the others are applied in this order.\n"
    )
    for part in described(Augmentation):
        yield f"### {part.name}\n"
        yield f"{summary_of(part.kind)}\n"
        given = {name: list(_parts(params, part.name)) for name, params in profiles.items()}
        yield from _table([_row(part.kind, field) for field in described(part.kind)], given)


def _parts(params: Any, name: str) -> Iterator[dict[str, Any]]:
    sections = [change for sheet in params["augmentations"].values() for change in sheet["changes"].values()]
    for model in params["train"].values():
        sections += [model.get("augmentation") or {}, model.get("night_augmentation") or {}]
    return (section[name] for section in sections if name in section)


def _table(rows: list[Row], given: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    yield "| key | meaning | values | city | other profiles |\n|---|---|---|---|---|"
    for row in rows:
        yield row.line({name: _given(row.key, sections) for name, sections in given.items()})
    yield ""


def _given(key: str, sections: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(_text(section[key]) for section in sections if key in section))


def instances(params: Any, section: str, common: str) -> list[dict[str, Any]]:
    """Entries of a section that share `common`, such as "kind: city"; all of them when it is ""."""
    if section in ALONE:
        return [params[section]]
    key, _, value = common.partition(": ")
    return [entry for entry in params[section].values() if not common or entry.get(key) == value]


def _readers(section: str) -> list[str]:
    word = re.compile(rf"\$\{{{section}\}}")
    found = []
    for stage, body in _bodies().items():
        inner = body.get("do", body)
        loops = [body.get("foreach", ""), *body.get("matrix", {}).values()]
        asked = inner.get("params", [])
        # The report reads the whole file.
        named = any(isinstance(name, dict) or name.partition(".")[0] == section for name in asked)
        if named or any(word.search(text) for text in (*loops, inner["cmd"])):
            found.append(stage)
    return found


def _bodies() -> dict[str, Any]:
    bodies: dict[str, Any] = yaml.safe_load(DVC_YAML.read_text())["stages"]
    return bodies


def _machine() -> Iterator[str]:
    yield "## Settings of the machine\n"
    yield (
        "Set in the environment, or in the file `duskline.local.yaml`, which git does not track; the"
        " environment takes precedence. They never change an output (on a CPU, not a single byte), so"
        " changing them reruns nothing.\n"
    )
    yield "| variable | in the file | meaning | values | default |\n|---|---|---|---|---|"
    usual = read_machine({}, ROOT / "no such file")
    for field in described(Machine):
        default = "one for each processor" if field.name == "workers" else _text(getattr(usual, field.name))
        cells = (f"`DUSKLINE_{field.name.upper()}`", f"`{field.name}`", field.meaning, field.values, default)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _some(values: list[str]) -> str:
    return ", ".join(values[:4]) + (f" and {len(values) - 4} more" if len(values) > 4 else "")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "a section" if value else "{}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def keys_of(params: Any) -> Iterator[str]:
    """Every key of a profile that is not a name, with its section."""
    for section, content in params.items():
        entries = [content] if section in ALONE else content.values() if isinstance(content, dict) else []
        for entry in entries:
            yield from (f"{section}.{key}" for key in entry)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
