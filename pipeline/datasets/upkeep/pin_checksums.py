"""Pinning the archives of a source that a user has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.datasets.archives.local_archives import digest_with_progress, find_local_archive
from pipeline.datasets.fetching.checksums import Pin, remove_pin, verify_checksum
from pipeline.datasets.fetching.file_type_check import require_archive
from pipeline.datasets.sources.registry import Source
from pipeline.runtime.errors import MissingInputError, ParameterError


def pin_held(
    source: Source, names: Sequence[str], *, held: Path, pinned: Path, replace: bool
) -> Iterator[tuple[Pin, bool]]:
    """Pin the archives `names` of `source` (all that are found, if empty); yield each, and whether it is new.

    Raises `ParameterError` for a name that is not a file of the source, `MissingInputError` if a named file
    is missing or none is there, `BadArchiveError` for a file that is not an archive, and `UserError` for one
    that differs from the published one, or from the pinned one without `replace`.
    """
    files = {file.name: file for file in source.files}
    if unknown := [name for name in names if name not in files]:
        raise ParameterError(
            f"{source.name} has no file {', '.join(unknown)}; it has {', '.join(files) or 'none'}"
        )
    found = {name: find_local_archive(held, source.folders, name) for name in names or files}
    missing = [name for name, path in found.items() if path is None]
    if missing if names else len(missing) == len(found):
        raise MissingInputError(
            f"not available: {', '.join(missing) or source.name}",
            hint=f"copy it into {held / source.name} first",
        )
    for name, path in found.items():
        if path is None:
            continue
        require_archive(path)
        pin = Pin(source.name, name, digest_with_progress(path), path.stat().st_size)
        if replace:
            remove_pin(pinned, pin)
        yield pin, verify_checksum(pinned, pin, published=files[name].sha256)
