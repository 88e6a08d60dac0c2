"""Which pictures a folder holds: one answer for everybody who asks."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pipeline.core.image_io import PICTURE_SUFFIXES
from pipeline.runtime.errors import UserError, listed

_LOG = logging.getLogger(__name__)

ALIKE = "names that differ only in capitals or in their form of Unicode, which other systems take for one"


def picture_files(folder: Path) -> list[str]:
    """Return the pictures below `folder` as sorted POSIX paths: files with a picture's suffix in any case.

    Hidden files and folders are left out. Linked files are taken; linked folders are not followed, and a
    warning names them: DVC does not look behind them either, so a change there would rerun nothing. Another
    names those that are `alike`.
    Raises `UserError` naming the first folder that cannot be listed, and why.
    """
    paths, linked = [], []
    for place, folders, names in os.walk(folder, onerror=_unlistable):
        below = Path(place).relative_to(folder)
        folders[:] = [name for name in folders if not is_clutter(name)]
        linked += [(below / name).as_posix() for name in folders if Path(place, name).is_symlink()]
        paths += [
            (below / name).as_posix()
            for name in names
            if name.lower().endswith(PICTURE_SUFFIXES) and not is_clutter(name)
        ]
    if linked:
        _LOG.warning("%s: linked folders are not followed:%s", folder, listed(sorted(linked)))
    if same := alike(paths):
        _LOG.warning("%s: %s:%s", folder, ALIKE, listed(same))
    return sorted(paths)


def is_clutter(path: str) -> bool:
    """Whether a path is a system's own: hidden files and folders, and what macOS adds to zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def alike(names: Iterable[str]) -> list[str]:
    """Names that are one name where capitals, or forms of Unicode, do not count: `A.jpg and a.jpg`."""
    by_letters: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        by_letters[letters_of(name)].append(name)
    return [" and ".join(map(_told_apart, same)) for same in by_letters.values() if len(same) > 1]


def letters_of(name: str) -> str:
    """The letters of a name, whether they are capitals or not, and composed or not."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _told_apart(name: str) -> str:
    """Decomposed names, such as those of Macs, look like the composed ones."""
    return name if unicodedata.is_normalized("NFC", name) else f"{name} (decomposed)"


def _unlistable(error: OSError) -> None:
    raise UserError(
        f"cannot list the folder {error.filename}: {error.strerror}",
        hint="make it readable, or take it out of the folder of pictures",
    ) from error
