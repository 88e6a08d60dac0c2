"""Refuses names and paths in a parameter file that DVC cannot use: it would fail late or silently."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from pipeline.runtime.errors import ParameterError

# It is part of a stage's name, of a parameter's path and of a command line, and it names a folder.
_NAME = re.compile(r"\w[\w-]*")
_READ_AS = {
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
    "bool": "true or false",
    "null": "nothing",
    "seq": "a list",
    "map": "a section",
}
_TEXT, _MERGE = "str", "merge"
_UNEXPANDED = re.compile(r"(~|\$\w+|\$\{\w+\})(/.*)?|~[\w-]+/.*")


def require_names(document: yaml.Node | None, path: Path) -> None:
    """Refuse entries whose names DVC cannot use; `ParameterError` lists all of them.

    DVC skips, or cannot find, names that YAML reads as numbers, dates or words of its own.
    """
    wrong = [
        f"{section}.{_written(key)} ({why})"
        for section, content in _entries(document)
        for key, _ in _pairs(content)
        if (why := _fault(key))
    ]
    wrong += [
        f"test_sets: {_written(entry)} ({why})"
        for section, content in _entries(document)
        if section == "test_sets" and isinstance(content, yaml.SequenceNode)
        for entry in content.value
        if (why := _fault(entry))
    ]
    if wrong:
        raise ParameterError(
            f"{path}: names that no stage can have: {', '.join(wrong)}",
            hint="names may have letters, digits, _ and -, and must not begin with -; put a name that YAML"
            ' reads as something else in quotes, such as "2019" or "2019-06-01"',
        )


def require_whole_paths(document: yaml.Node | None, path: Path) -> None:
    """Refuse values that only a shell would expand to a path; `ParameterError` lists all of them."""
    wrong = {where: value for where, value in _texts(document, "") if _UNEXPANDED.fullmatch(value)}
    if wrong:
        named = ", ".join(f"{where}: {value}" for where, value in wrong.items())
        # Not `Path.expanduser`, which fails for an unknown user.
        whole = os.path.expandvars(os.path.expanduser(next(iter(wrong.values()))))  # noqa: PTH111
        raise ParameterError(
            f"{path}: paths that DVC does not expand and cannot find: {named}",
            hint=f"write the whole path, such as {whole}",
        )


def _entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    return ((_written(key), content) for key, content in _pairs(node))


def _pairs(node: yaml.Node | None) -> list[tuple[yaml.Node, yaml.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _written(node: yaml.Node) -> str:
    """A name as YAML reads it; a list or section as written in the file."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    start, end = node.start_mark, node.end_mark
    return " ".join(str(start.buffer)[start.pointer : end.pointer].split())


def _fault(key: yaml.Node) -> str:
    """Why a key cannot be the name of an entry, or ""."""
    kind = key.tag.rpartition(":")[2]
    if kind == _MERGE:
        return ""
    if kind != _TEXT:
        return f"YAML reads {_READ_AS.get(kind, kind)}"
    bad = sorted(set(re.findall(r"[^\w-]", key.value)))
    if bad:
        return f"it has {' '.join(map(repr, bad))}"
    return "" if _NAME.fullmatch(key.value) else "it begins with -" if key.value else "it is empty"


def _texts(node: yaml.Node | None, where: str) -> Iterator[tuple[str, str]]:
    """Every value that is text, with the keys that lead to it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _texts(value, f"{where}.{_written(key)}" if where else _written(key))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _texts(value, f"{where}[{index}]")
    elif isinstance(node, yaml.ScalarNode) and node.tag.endswith(":str"):
        yield where, node.value
