"""Which images a folder has: one rule for all code."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pipeline.core.clutter import is_clutter, meant_by_placeholder
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.runtime.errors import UserError, listed

_LOG = logging.getLogger(__name__)

# Files beside images that are not images: texts, tables, positions, notes that programs make of an image.
_BESIDE_PICTURES = {
    *(".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".log", ".csv", ".tsv", ".xls", ".xlsx", ".ods"),
    *(".json", ".geojson", ".jsonl", ".yaml", ".yml", ".xml", ".toml", ".ini", ".cfg", ".db", ".dvc"),
    *(".gpx", ".kml", ".kmz", ".nmea", ".fit", ".mat", ".npy", ".npz", ".py", ".sh"),
    *(".xmp", ".aae", ".thm", ".lrv", ".ctg", ".dop", ".pp3", ".cos"),
}

# Control characters, and the characters that stand for bytes that are not UTF-8.
_IN_NO_NAME = ("Cc", "Cs")

ALIKE = "names that differ only in case or in Unicode form, and are the same name on other systems"


def picture_files(folder: Path) -> list[str]:
    """Return the images below `folder` as sorted POSIX paths: files with an image's suffix in any case.

    Files that systems and programs keep for themselves (`is_clutter`) are left out. Other files that may be
    images, such as raw files, videos, and those not yet downloaded from a cloud, are counted in a warning.
    Linked files are included; linked folders are not followed, and a warning names them: DVC does not look
    behind them either, so a change there would rerun nothing. Another warning names those that are `alike`.
    Raises `UserError` naming the first folder that cannot be listed, and why.
    """
    linked: list[str] = []
    files = list(_files(folder, linked))
    if linked:
        _LOG.warning("%s: linked folders are not followed:%s", folder, listed(sorted(linked)))
    if passed := _counted(path for path in files if not is_picture_name(path)):
        _LOG.warning(
            "%s: skipped %s; images are %s files, convert or download the others if you need them",
            folder,
            passed,
            ", ".join(PICTURE_SUFFIXES),
        )
    paths = sorted(filter(is_picture_name, files))
    if same := alike(paths):
        _LOG.warning("%s: %s:%s", folder, ALIKE, listed(same))
    return paths


def count_pictures(folder: Path) -> int:
    """How many images `picture_files` would find, without warnings; 0 if there is no such folder."""
    return sum(map(is_picture_name, _files(folder, []))) if folder.is_dir() else 0


def is_picture_name(path: str) -> bool:
    """Whether a file has the name of an image."""
    return path.lower().endswith(PICTURE_SUFFIXES)


def unnameable(path: str) -> str:
    """The message for a path that cannot be written into a table; "" for other paths.

    Blanks of any width, joined characters and scripts of any direction are allowed.
    """
    if all(unicodedata.category(sign) not in _IN_NO_NAME for sign in path):
        return ""
    return f"{path!r}: its name has control characters or is not UTF-8; rename it"


def _files(folder: Path, linked: list[str]) -> Iterator[str]:
    """The files below `folder`, clutter left out; folders that are links are added to `linked`."""
    for place, folders, names in os.walk(folder, onerror=_unlistable):
        below = Path(place).relative_to(folder)
        folders[:] = [name for name in folders if not is_clutter((below / name).as_posix())]
        linked += [(below / name).as_posix() for name in folders if Path(place, name).is_symlink()]
        paths = ((below / name).as_posix() for name in names)
        yield from (path for path in paths if not is_clutter(meant_by_placeholder(path) or path))


def _counted(paths: Iterable[str]) -> str:
    """How many files have each suffix, such as "3 .dng, 1 .mov"; "" when none may be an image."""
    counts: Counter[str] = Counter()
    for path in paths:
        meant = meant_by_placeholder(path)
        suffix = PurePosixPath(meant or path).suffix.lower() or "without a suffix"
        if suffix not in _BESIDE_PICTURES:
            counts[f"{suffix} still in the cloud" if meant else suffix] += 1
    return ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(counts.items()))


def alike(names: Iterable[str]) -> list[str]:
    """Names that are the same name if case or Unicode form do not count: `A.jpg and a.jpg`."""
    by_letters: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        by_letters[letters_of(name)].append(name)
    return [" and ".join(map(_told_apart, same)) for same in by_letters.values() if len(same) > 1]


def letters_of(name: str) -> str:
    """A name without differences in case and Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _told_apart(name: str) -> str:
    """Mark decomposed names, such as those of Macs: they look like composed ones."""
    return name if unicodedata.is_normalized("NFC", name) else f"{name} (decomposed)"


def _unlistable(error: OSError) -> None:
    raise UserError(
        f"cannot list the folder {error.filename}: {error.strerror}",
        hint="make it readable, or move it out of the image folder",
    ) from error
