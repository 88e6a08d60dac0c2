"""What can be told of the pages without running them: marks, links, names of commands, of parameters."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from functools import cache
from importlib import import_module
from pathlib import Path

import click
import pytest
from dvc.cli.parser import get_main_parser

from pipeline.runtime.machine import Machine
from stages.cli import main as duskline
from tests.docs.pages import Block, Page, anchor, pages, written_pages
from tests.docs.parameters import flat_sections, known_parameters, known_sections
from tests.import_graph import ROOT

COMMANDS = {"sh": ("run", "not run: "), "python": ("run", "not run: ")}
OTHERS = {"text": ("output", ""), "yaml": ("into params.yaml", "params", "not params: ")}
# Not ours, and what only looks like a parameter.
OTHERS_WORDS = {"persist", "python"}
HAND_WRITTEN = [page.name for page in written_pages()]


def blocks(*languages: str) -> list[Block]:
    return [block for page in pages() for block in page.blocks if block.language in languages]


def unmarked(page: Page) -> list[str]:
    """Blocks that do not say what they are."""
    known = COMMANDS | OTHERS
    return [
        f"{block.where}: {block.language or 'no language'}: {block.mark or 'no mark'}"
        for block in page.blocks
        if not any(_is(block.mark, mark) for mark in known.get(block.language, ()))
    ]


def _is(mark: str, wanted: str) -> bool:
    return mark.startswith(wanted) if wanted else not mark


@pytest.mark.parametrize("name", HAND_WRITTEN)
def test_every_block_says_whether_it_is_run(name: str) -> None:
    assert unmarked(Page.read(name)) == []


def test_a_block_without_a_mark_is_refused() -> None:
    page = Page("docs/made_up.md", ("```sh", "dvc repro", "```", "<!-- run -->", "```sh", "dvc repro", "```"))
    assert unmarked(page) == ["docs/made_up.md:1: sh: no mark"]


def test_what_is_not_run_says_why() -> None:
    reasons = {
        block.where: block.mark.partition(": ")[2]
        for block in blocks("sh", "python")
        if "not run" in block.mark
    }
    assert reasons
    assert [where for where, reason in reasons.items() if len(reason.split()) < 2] == []
    named = {path for reason in reasons.values() for path in re.findall(r"tests/[\w/.]+\w", reason)}
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", [page.name for page in pages()])
def test_links_lead_somewhere(name: str) -> None:
    page, wrong = Page.read(name), []
    for number, target in page.links:
        path, _, heading = target.partition("#")
        if "://" in path:
            continue
        where = (ROOT / page.folder / path).resolve() if path else ROOT / page.name
        if not where.exists():
            wrong.append(f"{page.name}:{number}: no {path}")
        elif heading and heading not in Page.read(str(where.relative_to(ROOT))).anchors:
            wrong.append(f"{page.name}:{number}: no heading #{heading} in {path or page.name}")
    assert not wrong, "\n".join(wrong)


def test_every_page_is_in_the_table_of_contents() -> None:
    named = {target.partition("#")[0] for _, target in Page.read("docs/README.md").links}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= named


def test_anchors_are_those_of_github() -> None:
    assert anchor("5. The night of your own images") == "5-the-night-of-your-own-images"
    assert anchor("How splits are made: `split_by`") == "how-splits-are-made-split_by"


def test_commands_that_are_named_exist() -> None:
    spoken = [(page.name, number, text) for page in pages() for number, text in page.code]
    typed = [(block.where, 0, line) for block in blocks("sh") for line in block.text.splitlines()]
    wrong = [
        f"{where}:{number}: {text}: {fault}"
        for where, number, text in spoken + typed
        if (fault := _fault(text))
    ]
    assert not wrong, "\n".join(wrong)


def _fault(text: str) -> str:
    """What is wrong with a command of ours or of DVC, "" when nothing is, or when it is none."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return ""
    if words[:1] == ["duskline"]:
        return _fault_of_ours(words[1:])
    if words[:2] == ["python", "-m"]:
        return _fault_of_module(words[2:])
    if words[:1] == ["dvc"]:
        return _fault_of_dvc(words[1:])
    return ""


def _fault_of_ours(words: list[str]) -> str:
    command: click.Command = duskline
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    unknown = [
        word for word in words if word.startswith("-") and word.partition("=")[0] not in options | {"--help"}
    ]
    return f"no option {unknown[0]}" if unknown else ""


def _fault_of_module(words: list[str]) -> str:
    path = ROOT / Path(*words[0].split("."))
    source = path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__main__.py"
    if words[0] in ("pytest", "pip"):
        return ""
    if not source.is_file():
        return f"no module {words[0]}"
    if words[0].startswith("stages."):
        command = import_module(words[0]).main
        unknown = [word for word in words if word.startswith("--") and word not in _options(command)]
    else:
        text = "".join(file.read_text() for file in source.parent.glob("*.py"))
        unknown = [word for word in words if word.startswith("--") and f'"{word}"' not in text]
    return f"no option {unknown[0]}" if unknown else ""


def _options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@cache
def _dvc() -> argparse.ArgumentParser:
    with pytest.MonkeyPatch.context() as patch:
        # It looks at the command line while it is built.
        patch.setattr(sys, "argv", ["dvc"])
        parser: argparse.ArgumentParser = get_main_parser()
    return parser


def _fault_of_dvc(words: list[str]) -> str:
    parser = _dvc()
    commands = next(action.choices for action in parser._actions if action.dest == "cmd")
    if not words or words[0].startswith("-") or "..." in words[0]:
        return ""
    if words[0] not in commands:
        return f"dvc has no command {words[0]}"
    inner = commands[words[0]]
    deeper = [action.choices for action in inner._actions if isinstance(action.choices, dict)]
    if deeper and len(words) > 1:
        if words[1] not in deeper[0]:
            return "" if "/" in words[1] else f"dvc {words[0]} has no command {words[1]}"
        inner = deeper[0][words[1]]
    known = {name for action in inner._actions for name in action.option_strings}
    unknown = [word for word in words[1:] if word.startswith("-") and word.partition("=")[0] not in known]
    return f"dvc {words[0]} has no option {unknown[0]}" if unknown else ""


def test_a_command_that_does_not_exist_is_found() -> None:
    assert _fault("duskline sets --quick") == "no option --quick"
    assert _fault("duskline list") == "no command list"
    assert _fault("python -m benchmarks.nothing") == "no module benchmarks.nothing"
    assert _fault("python -m benchmarks.search --nothing") == "no option --nothing"
    assert _fault("dvc reproduce") == "dvc has no command reproduce"
    assert _fault("dvc exp walk") == "dvc exp has no command walk"
    assert _fault("dvc repro --quick") == "dvc repro has no option --quick"


def test_parameters_that_are_named_exist() -> None:
    known, sections = known_parameters() | OTHERS_WORDS, known_sections()
    wrong = [
        f"{page.name}:{number}: {text}"
        for page in written_pages()
        for number, text in page.code
        if (name := _parameter_in(text, sections)) and name not in known
    ]
    assert not wrong, "\n".join(wrong)


def _parameter_in(text: str, sections: set[str]) -> str:
    """The parameter that inline code such as `seed: 0` or `train.<model>.seed` names, "" for other code."""
    if key := re.fullmatch(r"([a-z][a-z_0-9]+): \S.*", text):
        return key[1]
    dotted = re.fullmatch(r"(\w+)((?:\.[\w<>]+)+)(?:[:=] ?.*)?", text)
    if not dotted or dotted[1] not in sections:
        return ""
    below = dotted[2].split(".")[1:]
    # Of a section with entries the first name below it is an entry's.
    return below[-1] if len(below) > 1 or dotted[1] in flat_sections() else ""


def test_a_parameter_that_does_not_exist_is_found() -> None:
    assert _parameter_in("qualty: 90", set()) == "qualty"
    assert _parameter_in("train.<model>.leer", {"train"}) == "leer"
    assert _parameter_in("sets.shards", {"sets"}) == "shards"
    assert _parameter_in("train.dn_netvlad", {"train"}) == ""


def test_settings_of_the_machine_that_are_named_exist() -> None:
    known = {f"DUSKLINE_{name.upper()}" for name in Machine.__dataclass_fields__}
    named = {
        (page.name, variable)
        for page in pages()
        for line in page.lines
        for variable in re.findall(r"\bDUSKLINE_[A-Z]+\b", line)
    }
    assert [pair for pair in sorted(named) if pair[1] not in known] == []
