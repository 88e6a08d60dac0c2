"""The files of a raw folder: those in it, and archives that the user keeps elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from pipeline.datasets.archives.archive_members import Member, members
from pipeline.datasets.archives.local_archives import archive_places, how_to_bring
from pipeline.runtime.errors import BadArchiveError, MissingInputError, listed
from pipeline.runtime.progress import progress


@dataclass(frozen=True, slots=True)
class RawFiles:
    """The files of one source, by name.

    folder: the raw folder, for messages. files: those in it or in its `datasets` folder (split files), or the
    archives elsewhere that its `archives.json` records.
    """

    folder: Path
    files: Mapping[str, Path]

    @classmethod
    def of(cls, raw: Path, held: Path) -> RawFiles:
        """List the files of a raw folder; `held` is the folder of recorded archives.

        Raises `MissingInputError` if there is no such folder, or a recorded archive is missing or changed.
        """
        files = archive_places(raw, held)
        loose = raw / "datasets"
        if loose.is_dir():
            files |= {path.name: path for path in sorted(loose.iterdir()) if path.is_file()}
        return cls(raw, {name: path for name, path in files.items() if not name.startswith(".")})


def require_archives(raw: RawFiles, names: Iterable[str]) -> dict[str, Path]:
    """Return the archives with these names; `MissingInputError` names all that are missing."""
    held, wanted = raw.files, sorted(names)
    missing = [name for name in wanted if name not in held]
    if missing:
        raise MissingInputError(
            f"{len(missing)} of {len(wanted)} archives are missing in {raw.folder}:{listed(missing)}",
            hint=how_to_bring(raw.folder),
        )
    return {name: held[name] for name in wanted}


def require_members(raw: RawFiles, archive_names: Iterable[str], wanted: Set[str]) -> dict[str, Member]:
    """Find members by their names in these archives of a raw folder; headers are read, contents are not.

    They come in their order, archive after archive. Raises `MissingInputError` for missing archives, and
    `BadArchiveError` for wanted members that none of them has.
    """
    found: dict[str, Member] = {}
    archives = require_archives(raw, archive_names)
    for archive in progress(archives.values(), total=len(archives), label="archives", unit="archive"):
        for member in members(archive, wanted.__contains__):
            if member.name in found:
                raise BadArchiveError(f"{member.name} is in {found[member.name].label} and in {member.label}")
            found[member.name] = member
    missing = sorted(wanted - found.keys())
    if missing:
        raise BadArchiveError(
            f"{len(missing)} of {len(wanted)} listed images are missing in {', '.join(archives)}:"
            f"{listed(missing)}",
            hint="compare the sizes of the archives with the published ones, and download short ones again",
        )
    return found
