"""Finds files at which DVC stops when it reads a folder, and so the stage that depends on it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.runtime.errors import printable


def hindrances(folder: Path, repo: Any) -> dict[str, str]:
    """What stops DVC in `folder`: a reason for each path, POSIX and relative to `folder`.

    Folders are listed, and no file is opened. Linked folders are not followed, and paths in `.dvcignore` are
    skipped, as in DVC.
    """
    from dvc.fs import localfs

    found = _below(folder, "")
    whole = os.path.abspath(folder)  # noqa: PTH100 - a name that is not UTF-8 stays as it is
    return {
        path: reason for path, reason in found if not repo.dvcignore.is_ignored(localfs, f"{whole}/{path}")
    }


HOW_TO_FIX = (
    "fix or remove these; until then `dvc repro --keep-going` makes everything that does not need them"
)


def in_words(found: dict[str, str], shown: int = 3) -> str:
    """The first `shown` of them on one line, and how many more there are."""
    known = [printable(f"{path} {reason}") for path, reason in found.items()]
    return ", ".join(known[:shown]) + (f" and {len(known) - shown} more" if len(known) > shown else "")


def names_below(folder: Path) -> list[str]:
    """Every file below a folder, relative to it; folders that cannot be listed are skipped."""
    return [
        (Path(place).relative_to(folder) / name).as_posix()
        for place, _, names in os.walk(folder)
        for name in names
    ]


def _below(folder: Path, above: str) -> Iterator[tuple[str, str]]:
    try:
        entries = sorted(os.scandir(folder / above), key=lambda entry: entry.name)
    except OSError as error:
        yield above or ".", f"cannot be listed ({error.strerror})"
        return
    for entry in entries:
        if reason := _reason(entry):
            yield f"{above}{entry.name}", reason
        elif entry.is_dir(follow_symlinks=False):
            yield from _below(folder, f"{above}{entry.name}/")


def _reason(entry: os.DirEntry[str]) -> str:
    """Why DVC cannot use an entry of a folder, or ""."""
    if printable(entry.name) != entry.name:
        return "has a name that is not UTF-8"
    if entry.name == ".dvcignore":
        return "is allowed only in the project's own folders"
    try:
        mode = entry.stat().st_mode
    except FileNotFoundError:
        return f"is a link to {Path(entry).readlink()}, which does not exist"
    except OSError as error:
        return f"is a link that cannot be followed ({error.strerror})"
    if stat.S_ISDIR(mode):
        return ""
    if not stat.S_ISREG(mode):
        return "is not a plain file"
    return "" if os.access(entry, os.R_OK) else "cannot be read (Permission denied)"
