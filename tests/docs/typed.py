"""The commands that the pages tell to type, in blocks and in the text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.docs.pages import Page

_PROGRAMS = ("python", "duskline", "dvc", "make")
# Whose first word names a group of commands.
_GROUPS = ("exp", "metrics", "params", "plots", "queue", "remote")
_BETWEEN = set("();<>|&")


@dataclass(frozen=True)
class Typed:
    """A command as it stands, with its place and the mark of its block ("" in the text).

    words: what it runs: the program, and the module, the script or the command of it. options: their names.
    """

    text: str
    where: str
    mark: str
    words: tuple[str, ...]
    options: frozenset[str]

    def is_part_of(self, other: Typed) -> bool:
        """Whether whoever has run the other has run this: the same, or more of it."""
        return other.words[: len(self.words)] == self.words and self.options <= other.options


def typed_in(text: str, where: str, mark: str = "") -> Iterator[Typed]:
    """The commands of our programs in some lines of a shell; other programs' are left out."""
    # What a command's output is put into is another command.
    inner = "".join(f"\n{found}" for found in re.findall(r"\$\(([^)]*)\)", text))
    for line in (text + inner).replace("\\\n", " ").splitlines():
        for words in _commands(line):
            if words and words[0] in _PROGRAMS and words[1:]:
                yield Typed(" ".join(words), where, mark, _run_by(words), _options(words))


def _commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line, without the variables that are set for it."""
    reader = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError:
        # Inline code that is not a command.
        return
    found: list[str] = []
    for word in [*words, "&"]:
        if set(word) <= _BETWEEN:
            yield found
            found = []
        elif found or not re.fullmatch(r"[A-Z_]+=\S*", word):
            found.append(word)


def _run_by(words: list[str]) -> tuple[str, ...]:
    plain = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return (words[0], *plain[: 2 if plain[:1] and plain[0] in _GROUPS else 1])


def _options(words: list[str]) -> frozenset[str]:
    names = {word.partition("=")[0] for word in words if word.startswith("-")}
    # `python -m` says where the module is found, no more.
    return frozenset(names - ({"-m"} if words[0] == "python" else set()))


def typed_on(page: Page) -> Iterator[Typed]:
    """All commands of a page."""
    for block in page.blocks:
        if block.language == "sh":
            yield from typed_in(block.text, block.where, block.mark)
    for number, text in page.code:
        yield from typed_in(text, f"{page.name}:{number}")
