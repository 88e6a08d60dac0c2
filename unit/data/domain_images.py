"""The images of one side of a training run, day or night: of one folder, or of several listed folders.

A listing is a CSV `path,digest` of one folder: POSIX paths below it, and the SHA-256 of each image's bytes.
It does not contain the path of the folder, and no image is copied or linked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from pipeline.core.files import (
    digest_document,
    digest_file,
    read_csv,
    require_folder,
    why_no_file,
    write_csv,
)
from pipeline.core.image_files import picture_files, unnameable
from pipeline.core.image_formats import PICTURE_SUFFIXES
from pipeline.core.image_io import open_rgb
from pipeline.runtime.errors import MissingInputError, UserError, listed
from pipeline.runtime.image_check import refuse_unreadable, unreadable
from pipeline.runtime.progress import progress

_HEADER = ("path", "digest")


@dataclass(frozen=True)
class Picture:
    """One image of a side: its name there, its path, and its SHA-256 if it was listed, else ""."""

    name: str
    path: Path
    digest: str = ""


@dataclass(frozen=True)
class Side:
    """The images of a side, sorted by name; names of listed images begin with the name of their folder."""

    pictures: tuple[Picture, ...]

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """The paths of the images."""
        return tuple(picture.path for picture in self.pictures)

    @cached_property
    def contents(self) -> tuple[tuple[str, str], ...]:
        """Name and SHA-256 of each image; `UserError` names those that changed since they were listed."""
        digests = [digest_file(path) for path in self.paths]
        changed = [
            str(picture.path)
            for picture, digest in zip(self.pictures, digests, strict=True)
            if picture.digest not in ("", digest)
        ]
        if changed:
            raise _changed(changed)
        return tuple((picture.name, digest) for picture, digest in zip(self.pictures, digests, strict=True))

    def digest(self) -> str:
        """SHA-256 over names and contents; errors as `contents`."""
        return digest_document(self.contents)


def side_of_folder(folder: Path) -> Side:
    """All images below `folder`; `MissingInputError` when there is none.

    `UserError` names those that are not plain files, and those whose names cannot be in a table.
    """
    return Side(tuple(Picture(name, folder / name) for name in _found(folder)))


def list_side(folder: Path, listing: Path, workers: int = 1) -> int:
    """Write the listing of the images below `folder`, return their number; errors as `side_of_folder`.

    Each is decoded once, by `workers` threads; `BadImageError` names all that cannot be decoded.
    """
    names = _found(folder)
    reads = {name: partial(open_rgb, folder / name) for name in names}
    refuse_unreadable(unreadable(reads, workers).values(), "fix them, or remove them from the folder")
    rows = ((name, digest_file(folder / name)) for name in progress(names, total=len(names), label="list"))
    write_csv(listing, _HEADER, rows)
    return len(names)


def side_of_listings(folders: Mapping[str, Path], listings: Path) -> Side:
    """The images of all `folders`, as listed in the files `<name>.csv` in the folder `listings`.

    `UserError` names images that were added or removed since; `Side.digest` compares their contents.
    """
    pictures, changed = [], []
    for name, folder in sorted(folders.items()):
        known = {row["path"]: row["digest"] for _, row in read_csv(listings / f"{name}.csv", _HEADER)}
        changed += [str(folder / path) for path in sorted(known.keys() ^ set(_found(folder)))]
        pictures += [Picture(f"{name}/{path}", folder / path, digest) for path, digest in known.items()]
    if changed:
        raise _changed(changed)
    return Side(tuple(sorted(pictures, key=lambda picture: picture.name)))


def _found(folder: Path) -> list[str]:
    require_folder(folder, hint="training needs folders of day images and folders of night images")
    names = picture_files(folder)
    if not names:
        raise MissingInputError(f"no images ({', '.join(PICTURE_SUFFIXES)}) under {folder}")
    wrong = [reason for name in names if (reason := unnameable(name) or _no_file(folder, name))]
    if wrong:
        raise UserError(
            f"{len(wrong)} images of {folder} cannot be listed:{listed(wrong)}",
            hint="rename or fix them as each line says, or remove them from the folder",
        )
    return names


def _no_file(folder: Path, name: str) -> str:
    reason = why_no_file(folder / name)
    return reason and f"{name}: {reason}"


def _changed(paths: list[str]) -> UserError:
    return UserError(
        f"{len(paths)} images have changed since they were listed:{listed(paths)}",
        hint="run dvc repro, which lists their folders again",
    )
