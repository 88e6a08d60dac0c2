"""Where an instance of a stage writes, as dvc.yaml and params.yaml have it, without DVC and its start-up."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DVC_YAML = Path("dvc.yaml")
PARAMS_YAML = Path("params.yaml")
# The stages that make a set, in the order of the journey.
SET_STAGES = ("format", "translate", "photometric", "merge", "apart", "select")

_WHAT_IT_WRITES = ("outs", "metrics", "plots")
_PLACEHOLDER = re.compile(r"\$\{(key|item(?:\.(\w+))?)\}")
_SECTION = re.compile(r"\$\{(\w+)\}")


def outs_of(stage: str, dvc_yaml: Path = DVC_YAML, params_yaml: Path = PARAMS_YAML) -> list[Path]:
    """The outputs of `stage`, such as `translate@city_pitts_night` or `report`.

    Raises `LookupError` when there is no such stage or instance, `OSError` or an error of YAML when one of
    the files cannot be read.
    """
    kind, _, key = stage.partition("@")
    body = _document(dvc_yaml)["stages"][kind]
    item = _item(body, key, _document(params_yaml))
    written = [entry for field in _WHAT_IT_WRITES for entry in body.get("do", body).get(field, ())]

    def value(found: re.Match[str]) -> str:
        return key if found[1] == "key" else str(item[found[2]])

    # An entry with settings of its own is a mapping of one key.
    names = [entry if isinstance(entry, str) else next(iter(entry)) for entry in written]
    return [Path(_PLACEHOLDER.sub(value, name)) for name in names]


def _item(body: Mapping[str, Any], key: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """What `item` stands for in the instance `key` of a stage."""
    if "matrix" in body:
        axes = {axis: _entries(text, params) for axis, text in body["matrix"].items()}
        for choice in itertools.product(*axes.values()):
            if "-".join(map(str, choice)) == key:
                return dict(zip(axes, choice, strict=True))
        raise LookupError(key)
    if "foreach" in body:
        section = _entries(body["foreach"], params)
        item = next(section[entry] for entry in section if str(entry) == key)
        return item if isinstance(item, Mapping) else {}
    return {}


def _entries(text: str, params: Mapping[str, Any]) -> Any:
    found = _SECTION.fullmatch(text)
    if found is None:
        raise LookupError(text)
    return params[found[1]]


def _document(path: Path) -> Any:
    """A YAML file. Read here and not as parameters are, because of those only names count, not numbers."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
