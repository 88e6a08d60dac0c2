"""What messages tell people to type is there; those of `duskline translate` name no other's options."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from tests.docs.parameters import known_parameters
from tests.import_graph import modules_used, parsed, project_modules
from tests.stages.commands import all_commands

_COMMAND = re.compile(r"(?<![\w.])duskline((?: [a-z_]+)+)((?: --?[\w-]+)*)")
_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
# Whose options these are stands before them, in the same text.
_OTHERS = re.compile(r"\b(dvc|pip|ray|python -m [\w.]+|git|convmv)\b")
TRANSLATE = Path("stages/translate_folder.py")


def _text(node: ast.AST) -> str:
    """A text as it is said, with … for what is put into it; "" for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "…" for part in node.values)
    return ""


def _said(tree: ast.AST) -> Iterator[str]:
    """Every text of the code that is not a docstring, whole ones only."""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef
    passed_over: set[ast.AST] = set()
    for node in ast.walk(tree):
        if node in passed_over:
            passed_over.update(ast.iter_child_nodes(node))
            continue
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            passed_over.update(ast.walk(node.body[0]))
        if text := _text(node):
            passed_over.update(ast.iter_child_nodes(node))
            yield text


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Module and text, of all that the code says."""
    return tuple((str(module), text) for module in project_modules() for text in _said(parsed(module)))


def _options_of(command: click.Command) -> set[str]:
    return {"--help"} | {
        name
        for option in command.params
        if isinstance(option, click.Option)
        for name in (*option.opts, *option.secondary_opts)
    }


COMMANDS = dict(all_commands())
OPTIONS = {name for command in COMMANDS.values() for name in _options_of(command)}


def wrong_commands(text: str) -> list[str]:
    """Commands of duskline that a text names and that are not there, or lack the options that follow."""
    wrong = []
    for words, options in _COMMAND.findall(text):
        names = ["duskline", *words.split()]
        known = max((n for n in range(1, len(names) + 1) if " ".join(names[:n]) in COMMANDS), default=0)
        command = COMMANDS[" ".join(names[:known])]
        # A group that continues with a word that is not a command of it.
        lacking = set(re.findall(r"--[\w-]+", options)) - _options_of(command)
        if (isinstance(command, click.Group) and known < len(names)) or lacking:
            wrong.append(f"duskline{words}{options}")
    return wrong


def _in_backticks(text: str) -> str:
    """What a text tells people to type, as far as it stands in backticks."""
    return " ".join(f"`{part}`" for part in re.findall(r"`([^`]+)`", text))


def test_commands_that_messages_name_are_there() -> None:
    named = [(module, text) for module, text in texts() if _COMMAND.search(_in_backticks(text))]
    assert len(named) > 5
    wrong = [(module, found) for module, text in named for found in wrong_commands(_in_backticks(text))]
    assert not wrong


def test_options_that_messages_name_are_those_of_a_command() -> None:
    named = [
        (module, option.group())
        for module, text in texts()
        for option in _OPTION.finditer(text)
        if " " in text and not _OTHERS.search(text[: option.start()])
    ]
    assert len(named) > 5
    assert not [(module, option) for module, option in named if option not in OPTIONS and option != "--no-"]


@cache
def hints_of_translate() -> tuple[str, ...]:
    """The hints that `duskline translate` can give: of all functions that it may call, by their names.

    A name that stands in a function counts as a call of every function of that name in the modules that it
    imports, directly or through others.
    """
    functions: dict[str, list[ast.AST]] = defaultdict(list)
    constants: dict[str, list[ast.expr]] = defaultdict(list)
    for module in modules_used(TRANSLATE):
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                functions[node.name].append(node)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                constants[node.targets[0].id].append(node.value)
    waiting, called = ["main"], set()
    hints = []
    while waiting:
        name = waiting.pop()
        if name in called:
            continue
        called.add(name)
        nodes = functions[name] if name != "main" else [parsed(TRANSLATE)]
        for node in nodes:
            for below in ast.walk(node):
                if isinstance(below, ast.Name):
                    waiting.append(below.id)
                elif isinstance(below, ast.Attribute):
                    waiting.append(below.attr)
                elif isinstance(below, ast.Call):
                    wanted = [one.value for one in below.keywords if one.arg in ("hint", "or_else")]
                    named = [
                        part.id for one in wanted for part in ast.walk(one) if isinstance(part, ast.Name)
                    ]
                    wanted += [value for name in named for value in constants[name]]
                    hints += [text for value in wanted for part in ast.walk(value) if (text := _text(part))]
    assert "translate_folder" in called
    assert "require" in called
    return tuple(hints)


def _foreign(hint: str) -> list[str]:
    """Parameters of params.yaml that a hint names and `duskline translate` has no option for."""
    own = {str(option.name) for option in COMMANDS["duskline translate"].params}
    # Words with an underscore are nothing else; others are parameters where they stand as `quality: 90`.
    words = set(re.findall(r"(?<!\.)\b[a-z]+(?:_[a-z]+)+\b|\b[a-z]+(?=: [\w.])", hint))
    return sorted((words & known_parameters()) - own)


def test_translate_hints_name_no_parameter_that_it_has_no_option_for() -> None:
    hints = hints_of_translate()
    assert len(hints) > 15
    assert any("shorter_side" in hint for hint in hints)
    assert any("use a UNIT generator file" in hint for hint in hints)
    assert not {hint: foreign for hint in hints if (foreign := _foreign(hint))}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("run `duskline export SET`", []),
        ("run `duskline repair --name x`", ["duskline repair --name"]),
        ("run `duskline mend`", ["duskline mend"]),
        ("run `duskline stage format --name x`", []),
        ("run `duskline stage form`", ["duskline stage form"]),
    ],
)
def test_what_is_not_there_would_be_found(text: str, wrong: list[str]) -> None:
    assert wrong_commands(_in_backticks(text)) == wrong
    assert _foreign("or allow a larger max_failed; set unlabelled: brightness") == [
        "max_failed",
        "unlabelled",
    ]
    assert not _foreign("lower shorter_side, or quality: 90")
