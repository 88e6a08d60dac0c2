"""Get the files of a source: archives, found or downloaded, or a checkpoint from a path or an address."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from pipeline.core.files import atomic_write, digest_bytes
from pipeline.datasets.archives.archive_members import members
from pipeline.datasets.archives.local_archives import (
    LocalArchive,
    digest_with_progress,
    find_local_archive,
    write_record,
)
from pipeline.datasets.fetching.checksums import Pin, read_pins, verify_checksum
from pipeline.datasets.fetching.download import download, is_address
from pipeline.datasets.fetching.file_type_check import require_archive, require_checkpoint
from pipeline.datasets.fetching.resumable_http import DownloadFailedError
from pipeline.datasets.sources.registry import Source, SourceFile
from pipeline.runtime.errors import (
    BadArchiveError,
    CheckpointError,
    MissingInputError,
    UserError,
    listed,
)

CHECKPOINT = "gen.pt"
_DIGEST_LETTERS = 8
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class Fetched:
    """Numbers of files that were found, downloaded and pinned now; and the bytes of all files."""

    source: Source
    held: int
    downloaded: int
    pinned: int
    size: int

    def __str__(self) -> str:
        """The counts, the title and the licence in words, for a summary line."""
        words = [f"{self.held} found", f"{self.downloaded} downloaded", f"{self.size / 1e6:,.1f} MB"]
        if self.pinned:
            words.append(f"{self.pinned} digests pinned for the first time")
        return f"{', '.join(words)} ({self.source.title}; licence: {self.source.licence})"


def fetch_archives(source: Source, raw: Path, *, held: Path, pinned: Path, accept_terms: bool) -> Fetched:
    """Get every archive of `source` into the archive folder `held`, and record them in `raw`/archives.json.

    Archives already there (in `held`/<source>, in the folder of a source that shares them, or in `held`) are
    read in place; the others are downloaded into `held`/<source>, if the terms are accepted, from the first
    address that has them. Each is compared with its published or pinned digest; an archive without any is
    pinned in `pinned`. The record is written when all are good.

    Raises `UserError` if archives are missing and the terms are not accepted, or if a file does not have its
    digest; `BadArchiveError` if a file without a digest is not an archive; and `MissingInputError` if no
    address has a file. Errors list all archives that are missing.
    """
    found = {file.name: find_local_archive(held, source.folders, file.name) for file in source.files}
    missing = [file for file in source.files if found[file.name] is None]
    if missing and source.terms and not accept_terms:
        raise UserError(
            f"{_missing_text(source, missing, held)}\n  terms, not accepted yet:\n{_indented(source.terms)}"
            f"\n  to cite: {source.citation or 'unknown'}",
            hint=f"copy the archives into {held / source.name}, or accept the terms to download them: "
            f"set accept_terms: true under fetch.{source.name} in params.yaml",
        )
    pins = read_pins(pinned)
    for file in missing:
        pin = pins.get((source.name, file.name))
        _download_first(source, file, file.sha256 or (pin.sha256 if pin else ""), missing, held)
    archives, pinned_now = [], 0
    for file in source.files:
        path = find_local_archive(held, source.folders, file.name)
        if path is None:
            raise MissingInputError(_missing_text(source, [file], held))
        _require_size(path, file)
        found_now = Pin(source.name, file.name, digest_with_progress(path), path.stat().st_size)
        if not (file.sha256 or (source.name, file.name) in pins):
            require_archive(path)
        _require_members(path, file)
        pinned_now += verify_checksum(pinned, found_now, published=file.sha256)
        place = path.relative_to(held).as_posix()
        archives.append(LocalArchive(file.name, found_now.size, found_now.sha256, place))
    write_record(raw, archives)
    size = sum(archive.size for archive in archives)
    return Fetched(source, len(archives) - len(missing), len(missing), pinned_now, size)


def _download_first(
    source: Source, file: SourceFile, expected: str, missing: list[SourceFile], held: Path
) -> None:
    """Download one archive from the first address that has it, with the `expected` digest, "" for any."""
    target = held / source.name / file.name
    reasons = []
    for address in file.places:
        try:
            download(address, target)
            _require_expected(target, expected)
        except DownloadFailedError as error:
            reasons.append(str(error))
        except BadArchiveError as error:
            target.unlink()
            reasons.append(f"{address}: {error.message}; the file was removed")
        else:
            return
    still = [other for other in missing if find_local_archive(held, source.folders, other.name) is None]
    raise MissingInputError(
        f"{file.name} of {source.name} could not be downloaded from any address:\n"
        + "\n".join(_indented(reason) for reason in reasons or ["no address is known"])
        + f"\n  {_missing_text(source, still, held)}",
        hint=f"copy them into {held / source.name} if you can get them elsewhere; files there are kept",
    )


def _require_size(path: Path, file: SourceFile) -> None:
    """Raise `UserError` if a file has the wrong size, before minutes are spent on its digest."""
    found = path.stat().st_size
    if file.size is not None and found != file.size:
        raise UserError(
            f"{path} has {found:,} bytes, the correct {file.name} has {file.size:,}",
            hint="it is another file, or the download was cut off: get it again",
        )


def _require_members(path: Path, file: SourceFile) -> None:
    """Raise `UserError` if files in an archive do not have their known digests."""
    if not file.members:
        return
    known = {
        name: digest_bytes(member.read())
        for member in members(path, lambda name: name.rpartition("/")[2] in file.members)
        for name in [member.name.rpartition("/")[2]]
    }
    wrong = [
        f"{name}: expected SHA-256 {file.members[name]}, found {digest}"
        for name, digest in sorted(known.items())
        if digest != file.members[name]
    ]
    if wrong:
        raise UserError(
            f"{path} has other versions of {len(wrong)} files than published results use:{listed(wrong)}",
            hint="download it again from where it is published",
        )


def _require_expected(downloaded: Path, expected: str) -> None:
    if not expected:
        require_archive(downloaded)
    elif (found := digest_with_progress(downloaded)) != expected:
        raise BadArchiveError(f"expected a file with SHA-256 {expected}, found {found}")


def _missing_text(source: Source, missing: list[SourceFile], held: Path) -> str:
    folders = ", ".join(str(held / name) for name in source.folders)
    lines = [
        f"{len(missing)} of {len(source.files)} archives of {source.name} are neither in {folders} "
        f"nor in {held}:"
    ]
    for file in missing:
        size = f" ({file.about})" if file.about else ""
        lines.append(f"    {file.name}{size} from {' or '.join(file.places) or 'no known address'}")
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())


def fetch_checkpoint(source: Source, place: str, raw: Path, *, held: Path, pinned: Path) -> Fetched:
    """Copy the checkpoint at `place` to `raw`/gen.pt, once its digest is the pinned one or is pinned now.

    place: a path, also one below `held` or `held`/<source>; or an address (a URL, or `drive:<id>`), whose
    file is downloaded into `held`/<source> and stays there, because DVC empties `raw` before each run.
    The user's file is copied, never linked, because DVC manages what is in `raw`. Raises `CheckpointError` if
    it is missing (the hint says how to get or train one) or is not a checkpoint, and `UserError` if it is not
    the pinned one; an earlier `raw`/gen.pt then stays as it was.
    """
    hint = (
        f"published: {source.published or 'no known address'}; get the file and set place under "
        f"fetch.{source.name} in params.yaml to its path or address, train your own with train_unit, or use "
        "another translator under translate (docs/choosing_a_translator.md)"
    )
    address = is_address(place)
    file = held / source.name / _file_name(place) if address else _given(source, place, held, hint)
    if file.resolve().is_relative_to(raw.resolve()):
        raise CheckpointError(
            f"checkpoint {source.name}: {place} is in {raw}, which DVC empties",
            hint="move it, for example to archives/, and set place to its new path",
        )
    downloaded = address and not file.is_file()
    pins = read_pins(pinned)
    try:
        if downloaded:
            download(place, file)
        pin = Pin(source.name, CHECKPOINT, digest_with_progress(file), file.stat().st_size)
        if (pin.source, pin.name) not in pins:
            require_checkpoint(file)
        pinned_now = verify_checksum(pinned, pin)
    except DownloadFailedError as error:
        raise CheckpointError(f"checkpoint {source.name}: {error}", hint=hint) from error
    except UserError as error:
        if not downloaded:
            raise
        file.unlink()
        raise CheckpointError(
            f"checkpoint {source.name}: the file from {place} was wrong and has been removed: {error}",
            hint=hint,
        ) from error
    with atomic_write(raw / CHECKPOINT) as out, file.open("rb") as given:
        shutil.copyfileobj(given, out)
    return Fetched(source, int(not downloaded), int(downloaded), int(pinned_now), pin.size)


def _given(source: Source, place: str, held: Path, hint: str) -> Path:
    """The file that the user gave as `place`: at this path, or below the archive folder."""
    if place and Path(place).is_file():
        return Path(place)
    found = find_local_archive(held, source.folders, place)
    if found is None:
        raise CheckpointError(
            f"no checkpoint {source.name}: no file {place or '(place is empty)'}, "
            f"neither at this path nor in {held / source.name} or {held}",
            hint=hint,
        )
    return found


def _file_name(address: str) -> str:
    """A different name for each address, so that a file is not taken for that of another address."""
    name = PurePosixPath(urlsplit(address).path).name[-_LONGEST_NAME:]
    return f"{digest_bytes(address.encode())[:_DIGEST_LETTERS]}-{name or CHECKPOINT}"
