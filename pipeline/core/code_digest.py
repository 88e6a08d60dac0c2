"""Digest of the project's own code, for the keys of results that are kept between runs."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pipeline.core.files import digest_document

# The folder that holds the packages.
SOURCE = Path(__file__).resolve().parents[2]


def code_digest(rooms: Sequence[str]) -> str:
    """SHA-256 over the code of all modules below `rooms`, which are folders such as "unit/network".

    It covers syntax trees and module names, so comments, docstrings and layout do not count. It is the same
    in Python 3.11 to 3.14: empty fields, of which newer versions have more, are left out.

    `FileNotFoundError` for a room without a module: a digest of nothing would never change.
    """
    modules = []
    for room in rooms:
        found = sorted((SOURCE / room).rglob("*.py"))
        if not found:
            raise FileNotFoundError(f"no module in {SOURCE / room}, whose code is to be digested")
        modules += [[path.relative_to(SOURCE).as_posix(), _code_of(path.read_bytes())] for path in found]
    return digest_document(modules)


@cache
def _code_of(module: bytes) -> object:
    """The syntax tree of a module, as nested lists; kept, as digests of a process share modules."""
    return _code(ast.parse(module))


def _code(node: object) -> object:
    """A syntax tree, or a value in one, as nested lists."""
    match node:
        case ast.JoinedStr(values):
            # Python 3.12 adds an empty piece after some others.
            return ["JoinedStr", [_code(piece) for piece in values if _text(piece) != ""]]
        case ast.AST():
            fields = ((name, value) for name, value in ast.iter_fields(node) if value not in (None, []))
            return [type(node).__name__, *([name, _code(value)] for name, value in fields)]
        case list():
            # A statement that is only text, such as a docstring, does nothing.
            return [
                _code(item)
                for item in node
                if not (isinstance(item, ast.Expr) and _text(item.value) is not None)
            ]
        case _:
            return repr(node)


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
