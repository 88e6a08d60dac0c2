"""Names in params.yaml, for shell completion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline.runtime.set_stages import SET_STAGES
from stages.places import RECOGNISERS, SETS

# Stages whose section in params.yaml has another name.
_SECTIONS = {"sheet": "sheets"}
# Sections of models that can be exported.
_MODELS = ("train", "adapt", "model_file", "hub_local", "hub_github")


def instances_of(stage: str) -> Callable[[], list[str]]:
    """Names of the instances of a stage, as `--name` takes them."""

    def names() -> list[str]:
        params = _params()
        if stage == "evaluate":
            experiments, test_sets = params.get("experiment", {}), params.get("test_sets", [])
            return [f"{experiment}-{test_set}" for experiment in experiments for test_set in test_sets]
        return list(params.get(_SECTIONS.get(stage, stage), {}))

    return names


def in_section(section: str) -> Callable[[], list[str]]:
    """Names in a section of params.yaml."""
    return lambda: list(_params().get(section, {}))


def set_names() -> list[str]:
    """Names of the datasets in params.yaml, and of others on disk."""
    asked = [name for section in SET_STAGES for name in _params().get(section) or {}]
    return list(dict.fromkeys([*asked, *sorted(folder.name for folder in SETS.glob("*/"))]))


def model_names() -> list[str]:
    """Names of the models in params.yaml, and of others on disk."""
    asked = [name for section in _MODELS for name in _params().get(section) or {}]
    return list(dict.fromkeys([*asked, *sorted(folder.name for folder in RECOGNISERS.glob("*/"))]))


def set_places() -> list[str]:
    """The datasets as stage outputs, such as data/sets/city_pitts."""
    return [f"{SETS}/{name}" for name in set_names()]


def _params() -> dict[str, Any]:
    # Names need none of the checks that stages make.
    document = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    return document if isinstance(document, dict) else {}
