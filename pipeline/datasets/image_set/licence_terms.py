"""The terms under which the images of a dataset may be used, in a file that is part of it.

    <set>/terms.json    what is in it or was used to make it: a list of name, title, licence, terms, citation

A dataset made from others has the terms of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.files import read_json, write_json
from pipeline.core.params import build
from pipeline.runtime.errors import DusklineError

TERMS = "terms.json"


@dataclass(frozen=True, order=True)
class Terms:
    """What was used, and its licence; `terms`: what its owners require, `citation`: what to cite, or ""."""

    name: str
    title: str
    licence: str
    terms: str = ""
    citation: str = ""


def read_terms(root: Path) -> tuple[Terms, ...]:
    """Read the terms of a dataset; older ones have none. `DusklineError` if it is another file."""
    path = root / TERMS
    if not path.is_file():
        return ()
    document = read_json(path)
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise DusklineError(
            f"{path} is not a list of terms", hint="run the stage that makes this dataset again"
        )
    return tuple(build(Terms, entry, str(path)) for entry in document)


def write_terms(root: Path, *parts: Iterable[Terms]) -> None:
    """Write the terms of all parts of a dataset, each once; nothing if there are none."""
    known = sorted({terms for part in parts for terms in part})
    if known:
        write_json(root / TERMS, [asdict(terms) for terms in known])
