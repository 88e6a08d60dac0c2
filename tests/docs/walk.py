"""Through a page as its reader goes: commands typed as they stand, parameters written, output compared."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.params import read_params
from tests.docs.pages import Block, Page
from tests.end_to_end.project import TINY_CITY, Project, copy_project
from tests.import_graph import ROOT

_RUN = re.compile(
    r"run(?: in (?P<folder>\S+))?(?:, answering (?P<answer>.+?))?(?:, ending with (?P<code>\d+))?"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

# Of the city's profile: enough of everything that the pages speak of.
_MODELS = ("day", "dn")
_TEST_SETS = ("city_pitts", "city_tokyo_night")
_SMALL_MODEL = {
    "clusters": 4,
    "height": 48,
    "width": 64,
    "batch": 4,
    "queries_per_epoch": 8,
    "cpu_threads": 1,
}


def small_city() -> dict[str, Any]:
    """The city's profile with its names, small enough for minutes."""
    params: dict[str, Any] = read_params(ROOT / "profiles" / "city.yaml")
    # A street long enough for negatives, beyond 25 m.
    params["fetch"]["city"] = TINY_CITY | {"train_places": 8, "val_places": 2}
    params["format"]["city_tokyo"]["queries_shorter_side"] = 72
    params["translate"]["city_pitts_night"]["shorter_side"] = 72
    params["compare"]["city_pitts"] |= {"shorter_side": 72, "images": 2}
    params["train"] = {name: params["train"][name] | _SMALL_MODEL for name in _MODELS}
    small_test = {"height": 48, "width": 64, "cpu_threads": 1}
    params["experiment"] = {name: params["experiment"][name] | small_test for name in _MODELS}
    params["test_sets"] = list(_TEST_SETS)
    rows = params["comparison"]["rows"]
    stand_for = params["comparison"]["test_sets"]
    params["comparison"] = {
        "rows": {row: name for row, name in rows.items() if name in _MODELS},
        "test_sets": {name: stand_for[name] for name in _TEST_SETS},
    }
    return params


def project_of_the_docs(root: Path) -> Project:
    """A copy of the project as a newcomer has it before the first command, with a small city as the default.

    Its environment stands already: the one that runs the tests.
    """
    project = copy_project(root)
    text = yaml.safe_dump(small_city(), sort_keys=False)
    for name in ("params.yaml", "profiles/city.yaml"):
        (root / name).write_text(text)
    environment = root / ".venv"
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != "installed":
            (environment / part.name).symlink_to(part)
    # What `make` looks at, to see whether anything must be installed.
    (environment / "installed").touch()
    Walk(project).bash("git add -A && git commit -q -m Begin", root)
    return project


@dataclass(frozen=True)
class Walk:
    """Through the pages, in one project."""

    project: Project

    def through(self, page: Page) -> None:
        """Do what the page says, block by block."""
        said = ""
        for block in page.blocks:
            if block.mark == "output":
                expect(block, said)
            elif block.mark == "into params.yaml":
                self._write_params(block)
            elif block.mark.startswith("run"):
                said = self.run(block)

    def run(self, block: Block) -> str:
        """Run a block of commands, or of Python, and return all that it prints."""
        mark = _RUN.fullmatch(block.mark)
        assert mark, f"{block.where}: not a mark: {block.mark}"
        folder = self.project.root / (mark["folder"] or ".")
        code = int(mark["code"] or 0)
        if block.language == "python":
            return self._python(block, folder)
        return self.bash(block.text, folder, mark["answer"], code, block.where)

    def bash(
        self, commands: str, folder: Path, answer: str | None = None, code: int = 0, where: str = ""
    ) -> str:
        return self._ended(("bash", "-euo", "pipefail", "-c", commands), folder, answer, code, where)

    def _python(self, block: Block, folder: Path) -> str:
        return self._ended((sys.executable, "-c", block.text), folder, None, 0, block.where)

    def _ended(
        self, command: tuple[str, ...], folder: Path, answer: str | None, code: int, where: str
    ) -> str:
        author = {
            f"GIT_{who}_{what}": "docs@localhost"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            command,
            cwd=folder,
            env=self.project.environment | author,
            input="" if answer is None else f"{answer}\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{where}: ended with {done.returncode}\n{command[-1]}\n{done.stdout}"
        return done.stdout

    def _write_params(self, block: Block) -> None:
        path = self.project.root / "params.yaml"
        params = merged(read_params(path), yaml.safe_load(block.text))
        path.write_text(yaml.safe_dump(params, sort_keys=False))


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The mapping `one` with what `other` has in it, level by level."""
    both = dict(one)
    for name, value in other.items():
        known = both.get(name)
        both[name] = merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return both


def expect(block: Block, said: str) -> None:
    """Each line that the page shows must be among those that were printed, in their order."""
    lines = iter(said.splitlines())
    for shown in block.text.splitlines():
        if shown.strip() in ("", "..."):
            continue
        wanted = _pattern(shown)
        assert any(wanted.fullmatch(line) for line in lines), (
            f"{block.where}: not printed, or not in this order:\n{shown}\nprinted was:\n{said}"
        )


def _pattern(shown: str) -> re.Pattern[str]:
    """A shown line, with any number for a number, any text for `...` and any blanks for blanks."""
    parts = []
    for piece in re.split(r"(\.\.\.|\s+)", shown.strip()):
        if piece == "...":
            parts.append(".*")
        elif piece.isspace():
            parts.append(r"\s+")
        else:
            between = _NUMBER.split(piece)
            parts.append(_NUMBER.pattern.join(re.escape(text) for text in between))
    return re.compile(r"\s*" + "".join(parts) + r"\s*")
