"""The Markdown pages, cut into headings, links and blocks, and what the marks before the blocks say.

A block of code is told what it is by an HTML comment on the line before it, which no reader sees:

    <!-- run -->                    run in the project's root by the slow tests; it must end with 0
    <!-- run in ../other -->        run in another folder
    <!-- run, answering y -->       with that typed
    <!-- run, ending with 2 -->     with that exit code
    <!-- not run: why -->           for those that one machine cannot run, or not in minutes
    <!-- output -->                 what the block before it prints, numbers and `...` standing for any
    <!-- into params.yaml -->       YAML that the reader writes into params.yaml, and so do the tests
    <!-- params -->                 YAML that could stand there as it is
    <!-- params of profiles/x.yaml -->     YAML that changes what stands in that profile
    <!-- not params: why -->        other YAML
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.import_graph import ROOT

_FENCE = re.compile(r"^ *```(\S*) *$")
_MARK = re.compile(r"^ *<!-- (.*) -->$")
_HEADING = re.compile(r"^(#+) (.*)$")
_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`]+)`")

# Written by a generator and tested beside it.
GENERATED = ("docs/what_runs_again.md", "docs/parameters.md")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the mark before it ("" without one), its place."""

    language: str
    text: str
    mark: str
    where: str


@dataclass(frozen=True)
class Page:
    """A page by its path in the project."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def read(cls, name: str) -> Page:
        return cls(name, tuple((ROOT / name).read_text(encoding="utf-8").splitlines()))

    @property
    def folder(self) -> Path:
        return Path(self.name).parent

    @cached_property
    def blocks(self) -> list[Block]:
        found: list[Block] = []
        inside: tuple[str, int, str] | None = None
        for number, line in enumerate(self.lines, start=1):
            fence = _FENCE.match(line)
            if fence and inside is None:
                before = _MARK.match(self.lines[number - 2]) if number > 1 else None
                inside = (fence[1], number, before[1] if before else "")
            elif fence and inside is not None:
                language, start, mark = inside
                text = "\n".join(self.lines[start : number - 1]) + "\n"
                found.append(Block(language, text, mark, f"{self.name}:{start}"))
                inside = None
        assert inside is None, f"{self.name}: a block that begins in line {inside} has no end"
        return found

    @cached_property
    def prose(self) -> list[tuple[int, str]]:
        """Lines outside of blocks, with their numbers."""
        outside, kept = True, []
        for number, line in enumerate(self.lines, start=1):
            if _FENCE.match(line):
                outside = not outside
            elif outside:
                kept.append((number, line))
        return kept

    @property
    def anchors(self) -> set[str]:
        """The anchors of the headings, as GitHub makes them."""
        return {anchor(found[2]) for _, line in self.prose if (found := _HEADING.match(line))}

    @property
    def links(self) -> list[tuple[int, str]]:
        return [(number, target) for number, line in self.prose for target in _LINK.findall(line)]

    @property
    def code(self) -> list[tuple[int, str]]:
        """Inline code; a code span that is cut by the end of a line is not a span here."""
        return [(number, text) for number, line in self.prose for text in _CODE.findall(line)]

    @property
    def sections(self) -> list[list[tuple[int, str]]]:
        """All lines from one heading to the next, blocks included."""
        found: list[list[tuple[int, str]]] = [[]]
        headings = {number for number, line in self.prose if _HEADING.match(line)}
        for number, line in enumerate(self.lines, start=1):
            if number in headings:
                found.append([])
            found[-1].append((number, line))
        return found


def anchor(heading: str) -> str:
    """The anchor of a heading: lower case, without punctuation, hyphens for blanks."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")


def pages() -> list[Page]:
    """The README, the pages of docs/, and that of the examples."""
    docs = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
    names = ["README.md", *docs, "examples/README.md"]
    return [Page.read(name) for name in names]


def written_pages() -> list[Page]:
    """Those that are written by hand."""
    return [page for page in pages() if page.name not in GENERATED]
