"""What a file really is, whatever its name; checked before its digest is pinned."""

from __future__ import annotations

import zipfile
from pathlib import Path

from pipeline.datasets.archives.archive_members import member_names
from pipeline.runtime.errors import BadArchiveError, CheckpointError

# PyTorch before 1.6 begins a file with a pickle, of any protocol, of this number (torch.serialization).
_LEGACY = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_BEGINNING = 32


def require_archive(path: Path) -> None:
    """Raise `BadArchiveError` unless `path` is an archive that contains files; all headers are read."""
    if not member_names(path):
        raise BadArchiveError(f"{path} contains no files", hint="remove it and get it again")


def require_checkpoint(path: Path) -> None:
    """Raise `CheckpointError` unless `path` looks like a file of PyTorch; nothing is unpickled."""
    with path.open("rb") as stream:
        beginning = stream.read(_BEGINNING)
    if (beginning.startswith(b"\x80") and _LEGACY in beginning) or _is_zipped(path):
        return
    if not beginning:
        found = "an empty file"
    elif beginning.lstrip().startswith(b"<"):
        found = "a web page, such as an error or a sign-in page"
    else:
        found = f"a file that begins with {beginning[:8]!r}, or a part of a checkpoint"
    raise CheckpointError(
        f"{path} is not a PyTorch checkpoint but {found}", hint="remove it and get the correct file"
    )


def _is_zipped(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as opened:
            return any(name.rpartition("/")[2] == "data.pkl" for name in opened.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
