"""Settings of the machine: from `DUSKLINE_*` variables or `duskline.local.yaml`; they are not parameters.

Changing them reruns nothing, so they must not change what a stage writes (on a CPU, not a single byte).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

import yaml

from pipeline.runtime.errors import ParameterError
from pipeline.runtime.logging_setup import LEVELS, VARIABLE, Level
from pipeline.runtime.ranges import Range

LOCAL_FILE = Path("duskline.local.yaml")
_PREFIX = "DUSKLINE_"

# Where nights and descriptors are computed: in processes of this machine, or in a Ray cluster.
Engine = Literal["local", "ray"]
Device = Literal["auto", "cpu", "cuda"]
_CHOICES = {
    "device": (get_args(Device), "device must be auto, cpu or cuda, not"),
    "engine": (get_args(Engine), "engine must be local or ray, not"),
    "level": (LEVELS, "level must be quiet, normal or debug, not"),
}


@dataclass(frozen=True)
class Machine:
    """What this machine offers.

    device: where networks run; "auto" means "cuda" when torch finds a GPU, and "cpu" otherwise.
    workers: number of parallel processes; by default one for each processor that this process may use.
    archives: folder of the archives that you already have; they are read in place.
    work: the work store: finished translations, saved states, locks.
    engine: "local", or "ray" to translate and evaluate on a Ray cluster (docs/cluster.md).
    level: how much is printed: "quiet" (errors and the requested output), "normal", or "debug" (also which
        files are read, what "auto" selects, and tracebacks). The options --quiet and --debug of a command
        override it.
    """

    device: Device
    workers: Annotated[int, Range("processes", least=1)]
    archives: Path
    work: Path
    engine: Engine
    level: Level = "normal"


def usable_processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_machine(environment: Mapping[str, str] | None = None, local_file: Path = LOCAL_FILE) -> Machine:
    """Read the machine settings; the environment overrides the local file, which overrides the defaults.

    An unknown name or an invalid value is a `ParameterError` that says where it is.
    """
    environment = os.environ if environment is None else environment
    names = {field.name for field in fields(Machine)}
    values: dict[str, object] = {
        "device": "auto",
        "workers": usable_processors(),
        "archives": "archives",
        "work": "work",
        "engine": "local",
        "level": "normal",
    }
    for name, value in _local_values(local_file).items():
        if name not in names:
            raise ParameterError(
                f"{local_file}: unknown setting {name!r}; known are {', '.join(sorted(names))}"
            )
        values[name] = value
    for variable, text in environment.items():
        if variable.startswith(_PREFIX):
            name = variable.removeprefix(_PREFIX).lower()
            if name not in names:
                known = ", ".join(_PREFIX + known.upper() for known in sorted(names))
                raise ParameterError(f"unknown variable {variable}; known are {known}")
            values[name] = text
    return Machine(**{name: _checked(name, value) for name, value in values.items()})


def read_level(environment: Mapping[str, str] | None = None, local_file: Path = LOCAL_FILE) -> Level:
    """Read how much is printed, even if other machine settings are wrong.

    An unknown level is a `ParameterError`.
    """
    environment = os.environ if environment is None else environment
    if VARIABLE in environment:
        return cast(Level, _checked("level", environment[VARIABLE]))
    try:
        local = _local_values(local_file)
    except ParameterError:
        # Code that needs the file will report what is wrong with it.
        local = {}
    return cast(Level, _checked("level", local.get("level", "normal")))


def _local_values(local_file: Path) -> dict[str, object]:
    if not local_file.is_file():
        return {}
    try:
        document = yaml.safe_load(local_file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{local_file} is not YAML: {error}") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ParameterError(f"{local_file}: expected `name: value` lines, found {type(document).__name__}")
    return {str(name): value for name, value in document.items()}


def _checked(name: str, value: object) -> Any:
    """The value of a setting in its type; `ParameterError` if it is invalid."""
    if name in _CHOICES:
        choices, refusal = _CHOICES[name]
        if value not in choices:
            raise ParameterError(f"{refusal} {value!r}")
        return value
    if name == "workers":
        try:
            workers = int(str(value))
        except ValueError:
            workers = 0
        if workers < 1:
            raise ParameterError(f"workers must be a whole number of at least 1, not {value!r}")
        return workers
    if not isinstance(value, str) or not value:
        raise ParameterError(f"{name} must be the path of a folder, not {value!r}")
    return Path(value).expanduser()
