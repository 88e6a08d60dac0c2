"""What is known of each source: files, addresses, terms; each has a YAML file in `registry/`."""

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
    """One archive: `about` is its size in words, `addresses` are tried in order, then `drive`.

    size: bytes, if known exactly. drive: the id of a file on Google Drive. sha256: 64 hex digits if
    published; otherwise the digest is pinned on first use. members: known SHA-256 of files in it, by their
    names without folders.
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
        """All its addresses, to show and to try."""
        return (*self.addresses, *((f"drive:{self.drive}",) if self.drive else ()))


@dataclass(frozen=True)
class Source:
    """One entry of the registry; `terms` must be accepted before anything is downloaded.

    kind: "described" entries are not downloaded, because they are too large or not public. published: where
    they, or a checkpoint, are available, in words. expected: the number of images of the formatted dataset by
    "split/role", as far as it is known. images: otherwise the approximate number. of_city: the approximate
    number for each city, under "others" for those not named. shares_with: other entries with some of the same
    files, which may be in their archive folders. layout, section: for a checkpoint, what is known of its
    network, and the section of unit/variants.yaml that trains a similar one.
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
        """Names of the folders in the archive folder that may have its files, its own first."""
        return (self.name, *self.shares_with)


def known_sources(folder: Path = SOURCES) -> list[str]:
    """Names of all entries, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def read_source(name: str, folder: Path = SOURCES) -> Source:
    """Read the entry `name`; `ParameterError` for an unknown name and for an invalid entry."""
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
    """The terms of the source whose folder in `raw` contains `path`; otherwise, that they are not known.

    form: the form of raw data elsewhere; some forms identify the source. title: what the data is, in words,
    if it is the user's own.
    """
    inside = path.parts[len(raw.parts) :] if path.parts[: len(raw.parts)] == raw.parts else ()
    known = known_sources()
    if name := next((name for name in (*inside[:1], form) if name in known), ""):
        source = read_source(name)
        return Terms(source.name, source.title, source.licence, source.terms.strip(), source.citation.strip())
    return Terms(path.name, title, _UNKNOWN_LICENCE)
