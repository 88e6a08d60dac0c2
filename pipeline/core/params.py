"""Sections of params.yaml as checked dataclasses: unknown, missing and wrongly typed values are refused."""

from __future__ import annotations

import dataclasses
import logging
import re
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.core.entry_names import require_names, require_whole_paths
from pipeline.runtime.errors import MissingInputError, ParameterError

PARAMS_FILE = Path("params.yaml")
_LOG = logging.getLogger(__name__)

Section = TypeVar("Section")


class _Loader(yaml.SafeLoader):
    """Reads `1e-4` and `0o17` as numbers and `off` as a word, like YAML 1.2 and DVC; PyYAML follows YAML 1.1.

    This matters because `dvc exp run -S` rewrites the file and leaves out quotes that 1.2 does not need.
    Like DVC, it refuses a key that a section has twice; PyYAML would silently use the last one.
    """

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a section; `ComposerError` for a key that it has twice."""
        node = super().compose_mapping_node(anchor)
        seen: dict[tuple[str, str], yaml.Mark] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    first = seen[key.tag, key.value]
                    raise yaml.composer.ComposerError(
                        f"first on line {first.line + 1}",
                        first,
                        f"duplicate key {key.value}",
                        key.start_mark,
                    )
                seen[key.tag, key.value] = key.start_mark
        return node


_BOOLEAN = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != _BOOLEAN]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOLEAN, re.compile(r"(true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"0o[0-7]+$"), ["0"])


def read_params(path: Path = PARAMS_FILE) -> dict[str, Any]:
    """Read a whole parameter file as nested mappings.

    `ParameterError` lists all entries whose names a stage cannot have, and all paths that begin with `~` or a
    shell variable.
    """
    if not path.is_file():
        raise MissingInputError(
            f"no parameter file {path}", hint="in a checkout of duskline: cp profiles/city.yaml params.yaml"
        )
    _LOG.debug("reading %s", path)
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        require_names(node, path)
        require_whole_paths(node, path)
        document = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParameterError(f"{path} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise ParameterError(f"{path}: expected sections, found {type(document).__name__}")
    return document


def section_of(params: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return the mapping at `keys` ("fetch", "city"); `ParameterError` lists the existing keys."""
    here: Any = params
    for depth, key in enumerate(keys):
        if not isinstance(here, Mapping) or key not in here:
            found = ", ".join(map(str, here)) if isinstance(here, Mapping) else repr(here)
            raise ParameterError(f"params.yaml has no {'.'.join(keys[: depth + 1])}; found there: {found}")
        here = here[key]
    if not isinstance(here, Mapping):
        raise ParameterError(f"params.yaml: {'.'.join(keys)} must be a section, not {here!r}")
    return dict(here)


def build(kind: type[Section], values: Mapping[str, Any], where: str) -> Section:
    """Build the dataclass `kind` from a section; `where` names the section in errors.

    Values keep their YAML type, except that `int` is accepted for `float`, and text becomes `Path`, lists
    become tuples, and a nested section becomes the dataclass of its field.
    A field with a default may be left out: it belongs to a choice that the section does not make.
    A `ValueError` of the dataclass's own checks becomes a `ParameterError`.
    """
    hints = typing.get_type_hints(kind)
    known = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    needed = [name for name, field in known.items() if field.default is dataclasses.MISSING]
    unknown = sorted(set(map(str, values)) - set(known))
    missing = [name for name in needed if name not in values]
    if unknown:
        raise ParameterError(f"{where}: unknown parameter {', '.join(unknown)}; known are {', '.join(known)}")
    if missing:
        raise ParameterError(f"{where}: missing parameter {', '.join(missing)}")
    checked = {
        name: _checked(values[name], hints[name], f"{where}.{name}") for name in known if name in values
    }
    try:
        return kind(**checked)
    except ValueError as error:
        raise ParameterError(f"{where}: {error}") from error


def _checked(value: Any, hint: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        if value not in typing.get_args(hint):
            raise ParameterError(
                f"{where} must be one of {', '.join(map(str, typing.get_args(hint)))}, not {value!r}"
            )
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in typing.get_args(hint):
            return None
        return _checked(value, next(kind for kind in typing.get_args(hint) if kind is not type(None)), where)
    if origin is tuple:
        return _checked_list(value, typing.get_args(hint), where)
    hint = origin or hint
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return build(hint, value, where)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint in (int, float) and isinstance(value, bool)):
        quotes = f'put it in quotes: "{value}"' if hint in (str, Path) and value is not None else ""
        raise ParameterError(f"{where} must be {hint.__name__}, not {value!r}", hint=quotes)
    return value


def _checked_list(value: Any, kinds: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ParameterError(f"{where} must be a list, not {value!r}")
    if Ellipsis in kinds:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise ParameterError(f"{where} must have {len(kinds)} entries, not {len(value)}")
    pairs = enumerate(zip(value, kinds, strict=True))
    return tuple(_checked(entry, kind, f"{where}[{index}]") for index, (entry, kind) in pairs)
