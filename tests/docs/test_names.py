"""Files, folders and modules that pages, comments and docstrings name are there."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from functools import cache
from pathlib import Path

from tests.import_graph import ROOT

_ROOMS = "pipeline|unit|stages|benchmarks|tests|docs|profiles|examples"
_PATH = re.compile(rf"(?<![\w./@<>-])(?:{_ROOMS})/[\w/.*<>-]*[\w*>/]")
_FILE = re.compile(r"(?<![\w./*<>-])\w+\.(?:py|yaml|md)\b")
_DOTTED = re.compile(rf"(?<![\w./-])(?:{_ROOMS})(?:\.\w+)+")
# Written by a run, made up for an example, another's, or of an earlier release.
OTHERS = {"profiles/pinned.csv", "tables.md", "profiles/x.yaml", "unit/weights/another.pt", "hubconf.py"}
OTHERS |= {"benchmarks/growth", "docs/results/growth.jsonl"}


@cache
def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


def said(name: str, text: str) -> str:
    """What a file says to its readers: a page all, others their comments, modules their docstrings too."""
    if name.endswith(".md"):
        return text
    if not name.endswith(".py"):
        return "\n".join(line.partition("#")[2] for line in text.splitlines())
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, documented)]
    return "\n".join([*comments, *(ast.get_docstring(node) or "" for node in nodes)])


def unknown(text: str) -> list[str]:
    """Names in a text that nothing in the project has."""
    paths = {path for path in _PATH.findall(text) if not _is_there(path)}
    files = set(_FILE.findall(text)) - {Path(name).name for name in tracked()}
    modules = {name for name in _DOTTED.findall(text) if not _is_module_or_in_it(name)}
    return sorted((paths | files | modules) - OTHERS)


def _is_there(path: str) -> bool:
    return any(ROOT.glob(re.sub(r"<\w+>", "*", path).rstrip("/")))


def _is_module_or_in_it(dotted: str) -> bool:
    *above, last = dotted.split(".")
    place = ROOT.joinpath(*above)
    if (place / last).is_dir() or (place / f"{last}.py").is_file():
        return True
    module = place.with_suffix(".py")
    return module.is_file() and re.search(rf"\b{last}\b", module.read_text()) is not None


SPEAKING = [
    name
    for name in tracked()
    if name.endswith((".py", ".md", ".yaml", ".cfg", ".toml", "Makefile", ".ci/run"))
    # What was is told there by the names that it had.
    and name != "CHANGELOG.md"
]


def test_what_is_named_exists() -> None:
    wrong = [
        f"{name}: {what}"
        for name in SPEAKING
        for what in unknown(said(name, (ROOT / name).read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


def test_what_does_not_exist_is_found() -> None:
    text = (
        "see `pipeline/gone.py`, gone.md, `pipeline.core.gone` and `pipeline.core.files.no_such`, but"
        " `docs/<page>.md`, `pipeline/*/`, setup.py, data/unit/gone.py and `pipeline.core.files.write_bytes`"
    )
    found = ["gone.md", "pipeline.core.files.no_such", "pipeline.core.gone", "pipeline/gone.py", "setup.py"]
    assert unknown(text) == found


def test_comments_and_docstrings_are_read_and_code_is_not() -> None:
    assert said("a.py", '"""One."""\nx = "two"  # three\n').split() == ["#", "three", "One."]
    assert said("a.yaml", "one: two  # three\n") == " three"
