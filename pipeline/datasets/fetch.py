"""Get what a source consists of: archives held or downloaded, a checkpoint from a path or an address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import CheckpointError, DusklineError, MissingInputError, UserError
from pipeline.core.files import written_beside
from pipeline.datasets.download import DownloadFailedError, download, is_address
from pipeline.datasets.held import HeldArchive, digest_with_progress, find_held, write_record
from pipeline.datasets.pins import Pin, hold_against_pin, read_pins
from pipeline.datasets.registry import Source, SourceFile

CHECKPOINT = "gen.pt"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Fetched:
    """Counts of files: held by the user, downloaded, digests pinned now; and the bytes of all files."""

    held: int
    downloaded: int
    pinned: int
    size: int

    def __str__(self) -> str:
        """The counts in words, for a summary line."""
        words = [f"{self.held} held", f"{self.downloaded} downloaded", f"{self.size / 1e6:,.1f} MB"]
        if self.pinned:
            words.append(f"{self.pinned} digests pinned for the first time")
        return ", ".join(words)


def fetch_archives(source: Source, raw: Path, *, held: Path, pinned: Path, accept_terms: bool) -> Fetched:
    """Have every archive of `source` in the archive folder `held`, and record them in `raw`/archives.json.

    Archives already there (in `held`/<source> or in `held`) are read where they lie; the others are
    downloaded into `held`/<source>, address by address, if the terms are accepted. Each is held against its
    published or pinned digest, and pinned in `pinned` when it is the first. The record is written when all
    are good.

    Raises `UserError` when archives are missing and the terms are not accepted, or when a file is not the one
    that was pinned, and `MissingInputError` when no address gives a file; both list every missing archive.
    """
    found = {file.name: find_held(held, source.name, file.name) for file in source.files}
    missing = [file for file in source.files if found[file.name] is None]
    if missing and source.terms and not accept_terms:
        raise UserError(
            f"{_missing_text(source, missing, held)}\n  terms, not accepted yet:\n{_indented(source.terms)}",
            hint=f"put the archives into {held / source.name}, or accept the terms to have them downloaded: "
            f"accept_terms: true under fetch.{source.name} in params.yaml",
        )
    pins = read_pins(pinned)
    for file in missing:
        pin = pins.get((source.name, file.name))
        _download_first(source, file, file.sha256 or (pin.sha256 if pin else ""), missing, held)
    archives, pinned_now = [], 0
    for file in source.files:
        path = find_held(held, source.name, file.name)
        if path is None:
            raise MissingInputError(_missing_text(source, [file], held))
        found_now = Pin(source.name, file.name, digest_with_progress(path), path.stat().st_size)
        pinned_now += hold_against_pin(pinned, found_now, published=file.sha256)
        place = path.relative_to(held).as_posix()
        archives.append(HeldArchive(file.name, found_now.size, found_now.sha256, place))
    write_record(raw, archives)
    size = sum(archive.size for archive in archives)
    return Fetched(len(archives) - len(missing), len(missing), pinned_now, size)


def _download_first(
    source: Source, file: SourceFile, expected: str, missing: list[SourceFile], held: Path
) -> None:
    """Download one archive from the first address that gives it (with the `expected` digest, if not "")."""
    target = held / source.name / file.name
    reasons = []
    for address in file.places:
        try:
            download(address, target)
        except DownloadFailedError as error:
            reasons.append(str(error))
            continue
        if not expected or (found := digest_with_progress(target)) == expected:
            return
        target.unlink()
        reasons.append(f"{address}: gave a file of SHA-256 {found}, expected {expected}")
    still = [other for other in missing if find_held(held, source.name, other.name) is None]
    raise MissingInputError(
        f"{file.name} of {source.name} could not be had from any address:\n"
        + "\n".join(_indented(reason) for reason in reasons or ["no address is known"])
        + f"\n  {_missing_text(source, still, held)}",
        hint=f"put them into {held / source.name} if you can get them elsewhere; what is there is kept",
    )


def _missing_text(source: Source, missing: list[SourceFile], held: Path) -> str:
    lines = [
        f"{len(missing)} of {len(source.files)} archives of {source.name} are neither in "
        f"{held / source.name} nor in {held}:"
    ]
    for file in missing:
        size = f" ({file.about})" if file.about else ""
        lines.append(f"    {file.name}{size} from {' or '.join(file.places) or 'no known address'}")
    return "\n".join(lines)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines())


def fetch_checkpoint(source: Source, place: str, raw: Path, *, pinned: Path) -> Fetched:
    """Copy the checkpoint at `place` (a path, a URL, or `drive:<id>`) to `raw`/gen.pt and pin its digest.

    The user's file is copied, never linked: what is in `raw` becomes DVC's. Raises `CheckpointError` when it
    is not there, saying how to bring or train one, and `UserError` when it is not the pinned one.
    """
    target = raw / CHECKPOINT
    hint = (
        f"published: {source.published or 'nowhere that is known'}; bring the file and give its path or "
        f"address as place under fetch.{source.name} in params.yaml, or train your own with train_unit"
    )
    if is_address(place):
        try:
            download(place, target)
        except DownloadFailedError as error:
            raise CheckpointError(f"checkpoint {source.name}: {error}", hint=hint) from error
    elif not place or not Path(place).is_file():
        raise CheckpointError(
            f"no checkpoint {source.name}: there is no file {place or '(place is empty)'}", hint=hint
        )
    elif Path(place).resolve().is_relative_to(raw.resolve()):
        raise CheckpointError(
            f"checkpoint {source.name}: {place} lies in {raw}, which is DVC's to empty",
            hint="move it, for example to archives/, and give its new place",
        )
    else:
        _copy(Path(place), target)
    try:
        pin = Pin(source.name, CHECKPOINT, digest_with_progress(target), target.stat().st_size)
        pinned_now = hold_against_pin(pinned, pin)
    except DusklineError:
        target.unlink()
        raise
    downloaded = int(is_address(place))
    return Fetched(1 - downloaded, downloaded, int(pinned_now), pin.size)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as stream, written_beside(target) as out:
        while chunk := stream.read(_CHUNK):
            out.write(chunk)
