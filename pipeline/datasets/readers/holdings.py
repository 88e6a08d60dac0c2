"""Which files a raw folder offers: those that lie in it, and archives that the user holds elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.core.errors import MissingInputError
from pipeline.core.files import require_folder

_SHOWN = 20


def held_files(raw: Path) -> dict[str, Path]:
    """Return the files of a raw folder by name, those in its `datasets` folder (loose split files) too."""
    require_folder(raw, hint="run the fetch stage of this source")
    folders = [raw / "datasets", raw]
    return {
        path.name: path
        for folder in folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_file() and not path.name.startswith(".")
    }


def require_archives(raw: Path, names: Iterable[str]) -> dict[str, Path]:
    """Return the archives of these names; `MissingInputError` names all that are not there."""
    held = held_files(raw)
    wanted = sorted(names)
    missing = [name for name in wanted if name not in held]
    if missing:
        raise MissingInputError(
            f"{len(missing)} of {len(wanted)} archives are missing in {raw}: {listed(missing)}",
            hint="fetch them again, or put them there if you hold them",
        )
    return {name: held[name] for name in wanted}


def listed(items: Iterable[str]) -> str:
    """Join the first twenty items, with a count of the rest."""
    known = list(items)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more
