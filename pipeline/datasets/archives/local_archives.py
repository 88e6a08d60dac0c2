"""Archives that a user has: read in place, recorded by name, size and digest, never moved."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.files import read_json, write_json
from pipeline.runtime.errors import DusklineError, MissingInputError, UserError, listed
from pipeline.runtime.progress import progress_of_bytes

RECORD = "archives.json"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalArchive:
    """One line of `archives.json`: size in bytes, SHA-256, and its POSIX path below the archive folder."""

    name: str
    size: int
    sha256: str
    place: str


def find_local_archive(held: Path, sources: Iterable[str], name: str) -> Path | None:
    """Find a file in `held`/<one of `sources`> (names such as 000.tar are not rare), or in `held`."""
    with _readable():
        for path in (*(held / source / name for source in sources), held / name):
            if path.is_file():
                return path
    return None


def digest_with_progress(path: Path) -> str:
    """SHA-256 of a large file as 64 hex digits, with a bar in megabytes."""
    digest = hashlib.sha256()
    with (
        _readable(),
        path.open("rb") as stream,
        progress_of_bytes(f"digest {path.name}", 0, path.stat().st_size) as arrived,
    ):
        while piece := stream.read(_PIECE):
            digest.update(piece)
            arrived(len(piece))
    return digest.hexdigest()


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise UserError(
            f"cannot read {error.filename}: {error.strerror}",
            hint="make it readable for the user who runs duskline, then run the same command again",
        ) from error


def write_record(raw: Path, archives: Sequence[LocalArchive]) -> None:
    """Write `raw`/archives.json; it depends only on the archives, not on where the archive folder is."""
    write_json(raw / RECORD, [asdict(archive) for archive in archives])


def archive_places(raw: Path, held: Path) -> dict[str, Path]:
    """Return the files of a raw folder by name: those that `archives.json` records, or else all in it.

    Recorded archives are searched below `held` and checked by size. `MissingInputError` names all that are
    missing or have changed, `UserError` what cannot be read.
    """
    with _readable():
        return _places(raw, held)


def how_to_bring(raw: Path) -> str:
    """A hint on how to add a file that the raw folder lacks; archives never go into an output of DVC."""
    if not (raw / RECORD).is_file():
        return "copy it there if this folder is yours; if a fetch stage made the folder, run that stage again"
    return (
        f"copy it into {raw.name}/ in the archive folder (archives, or the value of DUSKLINE_ARCHIVES), then "
        f"run dvc repro --force --single-item fetch@{raw.name}; only files that the source lists are used"
    )


def _places(raw: Path, held: Path) -> dict[str, Path]:
    record = raw / RECORD
    if not raw.is_dir():
        raise MissingInputError(f"no raw folder {raw}", hint="fetch the source: dvc repro fetch")
    if not record.is_file():
        return {path.name: path for path in sorted(raw.iterdir()) if path.is_file()}
    places, wrong = {}, []
    for archive in _read_record(record):
        path = held / archive.place
        if not path.is_file():
            wrong.append(f"{path}: missing")
        elif path.stat().st_size != archive.size:
            wrong.append(f"{path}: {path.stat().st_size:,} bytes, {archive.size:,} when it was fetched")
        places[archive.name] = path
    if wrong:
        raise MissingInputError(
            f"{len(wrong)} of {len(places)} archives of {raw} differ from {RECORD}:{listed(wrong)}",
            hint="restore them, set DUSKLINE_ARCHIVES to the folder that has them, or fetch the source "
            f"again: dvc repro --force --single-item fetch@{raw.name}",
        )
    return places


def _read_record(record: Path) -> list[LocalArchive]:
    try:
        return [LocalArchive(**entry) for entry in read_json(record)]
    except TypeError as error:
        raise DusklineError(
            f"{record} is not a record of archives: {error}",
            hint=f"fetch the source again: dvc repro --force --single-item fetch@{record.parent.name}",
        ) from error
