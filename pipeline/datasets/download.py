"""One file from one address: http(s), ftp, or a file on Google Drive; written beside and renamed."""

from __future__ import annotations

import ftplib
import shutil
import sys
from pathlib import Path

from pipeline.core.errors import DusklineError

# Seconds to connect, and without a single byte.
_TIMEOUT = (15, 60)
_CHUNK = 1 << 20


class DownloadFailedError(DusklineError):
    """An address did not give the file; the next one may."""


def is_address(place: str) -> bool:
    """Whether `place` is something to download from, not a path."""
    return place.startswith(("http://", "https://", "ftp://", "drive:"))


def download(address: str, target: Path) -> None:
    """Download `address` (a URL, or `drive:<id>`) to `target`; on failure `target` is as it was.

    `DownloadFailedError` when the address does not give the whole file, `DusklineError` when it cannot be
    written.
    """
    # A folder, because gdown leaves half-done files of its own naming beside the one it writes. Its name is
    # always the same, so that the next download clears away what a killed one left; they run one at a time.
    folder = target.parent / f".{target.name[:40]}.part"
    beside = folder / target.name
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        if address.startswith("drive:"):
            _from_drive(address.removeprefix("drive:"), beside)
        elif address.startswith("ftp://"):
            _from_ftp(address, beside)
        else:
            _from_http(address, beside)
        beside.replace(target)
    except OSError as error:
        raise DusklineError(
            f"could not write {target}: {error.strerror or error}",
            hint="check free disk space and permissions, then run the same command again",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _from_http(address: str, beside: Path) -> None:
    # requests and what it brings take a second to import, and most stages never download.
    import requests
    from pooch import HTTPDownloader

    downloader = HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=_CHUNK, timeout=_TIMEOUT)
    try:
        downloader(address, str(beside), None)
    except requests.RequestException as error:
        raise DownloadFailedError(f"{address}: {_in_short(error)}") from error


def _from_ftp(address: str, beside: Path) -> None:
    from pooch import FTPDownloader

    try:
        FTPDownloader(progressbar=sys.stderr.isatty(), timeout=_TIMEOUT[1])(address, str(beside), None)
    except ftplib.all_errors as error:
        raise DownloadFailedError(f"{address}: {_in_short(error)}") from error


def _from_drive(file_id: str, beside: Path) -> None:
    import gdown
    import requests

    where = f"Google Drive file {file_id}"
    try:
        gdown.download(id=file_id, output=str(beside), quiet=not sys.stderr.isatty(), use_cookies=False)
    except gdown.exceptions.FileURLRetrievalError as error:
        raise DownloadFailedError(
            f"{where}: Google refuses it, as it does for a day when many people have fetched a file (quota), "
            f"and for good when it is no longer shared",
            hint=f"open https://drive.google.com/uc?id={file_id} in a browser where you are signed in, and "
            f"put the file into the archive folder",
        ) from error
    except (gdown.exceptions.DownloadError, requests.RequestException) as error:
        raise DownloadFailedError(f"{where}: {_in_short(error)}") from error


def _in_short(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"
