"""What is known of each source: its files, their addresses, its terms; a YAML each in `registry/`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from pipeline.core.params import build
from pipeline.datasets.image_set.image_set import ROLES, SPLITS
from pipeline.datasets.image_set.licence_terms import Terms
from pipeline.runtime.errors import ParameterError

SOURCES = Path(__file__).parents[1] / "registry"
_UNKNOWN_LICENCE = "not known to duskline: whoever shares it must say"


@dataclass(frozen=True)
class SourceFile:
    """One archive: `about` is its size in words, `addresses` are tried in their order, then `drive`.

    size: bytes, where known exactly. drive: the id of a file on Google Drive. sha256: 64 hex digits where
    published; else it is pinned on first use. members: SHA-256 of files in it that are known, by their names
    without folders.
    """

    name: str
    about: str = ""
    addresses: tuple[str, ...] = ()
    drive: str = ""
    sha256: str = ""
    size: int | None = None
    members: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name or self.name != Path(self.name).name or self.name.startswith("."):
            raise ValueError(f"name must be a file name, not {self.name!r}")
        for digest in (self.sha256, *self.members.values()):
            if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):
                raise ValueError(f"sha256 must be 64 hex digits, not {digest!r}")

    @property
    def places(self) -> tuple[str, ...]:
        """Where it is published, to show and to try."""
        return (*self.addresses, *((f"drive:{self.drive}",) if self.drive else ()))


@dataclass(frozen=True)
class Source:
    """One entry of the registry; `terms` must be accepted before anything is downloaded.

    kind: "described" entries are too large or too closed to be fetched here; `published` says how they are
    had. published: in words, where a checkpoint can be had. expected: how many images the set has once it is
    formatted, by "split/role", as far as that is known. images: about how many it has, where that is not.
    of_city: about how many of these each city has, those that are not named under "others".
    shares_with: other entries with some of the same files, which may be in their archive folders. layout,
    section: of a checkpoint, what is known of its network, and the section of unit/variants.yaml that trains
    such a one.
    """

    name: str
    title: str
    kind: Literal["city", "archives", "checkpoint", "described"]
    licence: str
    citation: str = ""
    terms: str = ""
    published: str = ""
    layout: str = ""
    section: str = ""
    shares_with: tuple[str, ...] = ()
    files: tuple[SourceFile, ...] = ()
    expected: dict[str, int] = field(default_factory=dict)
    images: int | None = None
    of_city: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, count in self.expected.items():
            split, _, role = place.partition("/")
            if split not in SPLITS or role not in ROLES or count < 0:
                raise ValueError(f"expected must be counts by split/role, not {place}: {count}")

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders in the archive folder that may hold its files, its own first."""
        return (self.name, *self.shares_with)


def known_sources(folder: Path = SOURCES) -> list[str]:
    """Names of all entries, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_source(name: str, folder: Path = SOURCES) -> Source:
    """Read the entry `name`; `ParameterError` for a name that is none and for an entry that is malformed."""
    path = folder / f"{name}.yaml"
    if name not in known_sources(folder):
        raise ParameterError(
            f"no source {name!r} in the registry; known are {', '.join(known_sources(folder))}",
            hint=f"to add one, write {name}.yaml beside the others in {folder.name}/",
        )
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ParameterError(f"{path.name} is not YAML: {error}") from error
    if not isinstance(document, dict):
        raise ParameterError(f"{path.name}: expected `name: value` lines, found {type(document).__name__}")
    listed = document.get("files", [])
    if not isinstance(listed, list) or not all(isinstance(file, dict) for file in listed):
        raise ParameterError(f"{path.name}: files must be a list of entries with a name")
    files = [
        build(SourceFile, {"members": {}, **file}, f"{path.name}: files[{index}]")
        for index, file in enumerate(listed)
    ]
    return build(Source, {"name": name, "expected": {}, "of_city": {}, **document, "files": files}, path.name)


def terms_below(path: Path, raw: Path, title: str, form: str = "") -> Terms:
    """The terms of the registry's source whose folder in `raw` holds `path`; else, that they are not known.

    form: of raw data elsewhere; one that only one source has tells what it is. `title` says in words what
    lies there when it is the user's own.
    """
    inside = path.parts[len(raw.parts) :] if path.parts[: len(raw.parts)] == raw.parts else ()
    known = known_sources()
    if name := next((name for name in (*inside[:1], form) if name in known), ""):
        source = read_source(name)
        return Terms(source.name, source.title, source.licence, source.terms.strip(), source.citation.strip())
    return Terms(path.name, title, _UNKNOWN_LICENCE)
