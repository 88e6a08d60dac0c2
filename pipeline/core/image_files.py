"""Which pictures a folder holds: one answer for everybody who asks."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pipeline.core.image_io import PICTURE_SUFFIXES
from pipeline.runtime.errors import UserError, listed

_LOG = logging.getLogger(__name__)


def picture_files(folder: Path) -> list[str]:
    """Return the pictures below `folder` as sorted POSIX paths: files with a picture's suffix in any case.

    Hidden files and folders are left out. Linked files are taken; linked folders are not followed, and a
    warning names them: DVC does not look behind them either, so a change there would rerun nothing.
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
    return sorted(paths)


def is_clutter(path: str) -> bool:
    """Whether a path is a system's own: hidden files and folders, and what macOS adds to zips."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def _unlistable(error: OSError) -> None:
    raise UserError(
        f"cannot list the folder {error.filename}: {error.strerror}",
        hint="make it readable, or take it out of the folder of pictures",
    ) from error
