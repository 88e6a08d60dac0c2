"""One file from one address: http(s), or a file on Google Drive; written to a temporary file and renamed."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.core.files import digest_bytes
from pipeline.datasets.fetching.resumable_http import DownloadFailedError, fetch_over_http, in_short
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.progress import bars_are_wanted


def is_address(place: str) -> bool:
    """Whether `place` is something to download from, not a path."""
    return place.startswith(("http://", "https://", "drive:"))


def download(address: str, target: Path) -> None:
    """Download `address` (a URL, or `drive:<id>`) to `target`; on failure `target` is as it was.

    An unfinished download stays in a folder beside `target`, and the next download from the same address
    continues it, after a failure as after a kill. Raises `DownloadFailedError` if the address does not give
    the whole file, and `DusklineError` if it cannot be written.
    """
    # A folder, because gdown writes temporary files with names of its own beside its output.
    folder = target.parent / f".{target.name[:40]}.part"
    # Another address may have another file, so each address has its own part.
    part = folder / digest_bytes(address.encode())[:8] / target.name
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        if address.startswith("drive:"):
            _from_drive(address.removeprefix("drive:"), part)
        else:
            fetch_over_http(address, part)
        part.replace(target)
    except DownloadFailedError:
        if not any(path.is_file() for path in folder.rglob("*")):
            shutil.rmtree(folder)
        raise
    except OSError as error:
        raise DusklineError(
            f"could not write {target}: {error.strerror or error}",
            hint="check free disk space and permissions, then run the same command again to continue",
        ) from error
    shutil.rmtree(folder, ignore_errors=True)


def _from_drive(file_id: str, beside: Path) -> None:
    import gdown
    import requests

    where = f"Google Drive file {file_id}"
    try:
        gdown.download(
            id=file_id, output=str(beside), resume=True, quiet=not bars_are_wanted(), use_cookies=False
        )
    except gdown.exceptions.FileURLRetrievalError as error:
        raise DownloadFailedError(
            f"{where}: Google refuses the download: either too many people have downloaded the file today "
            f"(quota), or it is no longer shared",
            hint=f"open https://drive.google.com/uc?id={file_id} in a browser where you are signed in, and "
            f"move the file into the archive folder",
        ) from error
    except (gdown.exceptions.DownloadError, requests.RequestException) as error:
        raise DownloadFailedError(f"{where}: {in_short(error)}") from error
