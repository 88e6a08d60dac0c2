"""Archives that a user holds: read where they lie, recorded by name, size and digest, never moved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.core.errors import DusklineError, MissingInputError
from pipeline.core.files import read_json, write_json
from pipeline.core.progress import progress

RECORD = "archives.json"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class HeldArchive:
    """One line of `archives.json`: size in bytes, SHA-256, and its POSIX path below the archive folder."""

    name: str
    size: int
    sha256: str
    place: str


def find_held(held: Path, source: str, name: str) -> Path | None:
    """Find an archive in `held`/`source`, for names such as 000.tar that are not rare, or in `held`."""
    for path in (held / source / name, held / name):
        if path.is_file():
            return path
    return None


def digest_with_progress(path: Path) -> str:
    """SHA-256 of a large file as 64 hex digits, with a bar in megabytes."""
    digest = hashlib.sha256()
    total = -(-path.stat().st_size // _CHUNK)
    for chunk in progress(_chunks(path), total=total, label=f"digest {path.name}", unit="MB"):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def write_record(raw: Path, archives: Sequence[HeldArchive]) -> None:
    """Write `raw`/archives.json; it depends on the archives only, not on where the archive folder is."""
    write_json(raw / RECORD, [asdict(archive) for archive in archives])


def archive_places(raw: Path, held: Path) -> dict[str, Path]:
    """Return the files of a raw folder by name: those that `archives.json` records, or else all in it.

    Recorded archives are looked for below `held` and checked by size. `MissingInputError` names all that are
    gone or have changed.
    """
    record = raw / RECORD
    if not raw.is_dir():
        raise MissingInputError(f"no raw folder {raw}", hint="run the fetch stage of this source")
    if not record.is_file():
        return {path.name: path for path in sorted(raw.iterdir()) if path.is_file()}
    places, wrong = {}, []
    for archive in _read_record(record):
        path = held / archive.place
        if not path.is_file():
            wrong.append(f"{path}: not there")
        elif path.stat().st_size != archive.size:
            wrong.append(f"{path}: {path.stat().st_size:,} bytes, {archive.size:,} when it was fetched")
        places[archive.name] = path
    if wrong:
        raise MissingInputError(
            f"{len(wrong)} of {len(places)} archives of {raw} are not as {RECORD} records them:\n    "
            + "\n    ".join(wrong),
            hint="bring them back, set DUSKLINE_ARCHIVES to the folder that holds them, or run the fetch "
            "stage of this source again (dvc repro --force)",
        )
    return places


def _read_record(record: Path) -> list[HeldArchive]:
    try:
        return [HeldArchive(**entry) for entry in read_json(record)]
    except TypeError as error:
        raise DusklineError(
            f"{record} is not a record of archives: {error}", hint="run the fetch stage of this source again"
        ) from error
