"""Whether addresses still have their files: they are asked for headers, and nothing is fetched."""

from __future__ import annotations

import ftplib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import requests

_DRIVE = "https://drive.google.com/uc?export=download&id="
_TIMEOUT = 15
_AT_ONCE = 4
# What servers say that do not like to be asked for headers alone.
_ASK_OTHERWISE = (403, 405, 501)


@dataclass(frozen=True)
class Answer:
    """What an address said: whether the file is there, its size in bytes if that was said, and in words."""

    address: str
    alive: bool
    said: str
    size: int | None = None

    def __str__(self) -> str:
        """A line such as `alive  https://...  200 OK, 2,100,000 bytes`."""
        size = "" if self.size is None else f", {self.size:,} bytes"
        return f"{'alive' if self.alive else 'DEAD':<6} {self.address}  {self.said}{size}"


def ask_all(addresses: Iterable[str]) -> Iterator[Answer]:
    """Ask some addresses at a time, and yield what they say in their order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(ask, addresses)


def ask(address: str) -> Answer:
    """Ask an address (http, https, ftp, or `drive:<id>`) whether it has its file."""
    if address.startswith("ftp://"):
        return _ask_ftp(address)
    return _ask_http(address)


def _ask_http(address: str) -> Answer:
    import requests

    on_drive = address.startswith("drive:")
    where = _DRIVE + address.removeprefix("drive:") if on_drive else address
    try:
        with requests.Session() as session:
            answer = session.head(where, allow_redirects=True, timeout=_TIMEOUT)
            if answer.status_code in _ASK_OTHERWISE:
                answer = session.get(where, headers={"Range": "bytes=0-0"}, stream=True, timeout=_TIMEOUT)
                answer.close()
    except requests.RequestException as error:
        return Answer(address, False, f"{type(error).__name__}: {str(error)[:200]}")
    said = f"{answer.status_code} {answer.reason}"
    if answer.url != where and not on_drive:
        said += f", moved to {answer.url}"
    # A page, as Drive has one that asks before a large file, says nothing of the file's size.
    page = answer.headers.get("Content-Type", "").startswith("text/html")
    return Answer(address, answer.ok, said, None if page or not answer.ok else _size(answer))


def _size(answer: requests.Response) -> int | None:
    span = answer.headers.get("Content-Range", "").rpartition("/")[2]
    length = answer.headers.get("Content-Length", "")
    if answer.status_code == 206:
        return int(span) if span.isdigit() else None
    return int(length) if length.isdigit() else None


def _ask_ftp(address: str) -> Answer:
    parts = urlsplit(address)
    try:
        with ftplib.FTP(timeout=_TIMEOUT) as server:
            server.connect(parts.hostname or "", parts.port or ftplib.FTP_PORT)
            server.login()
            server.voidcmd("TYPE I")
            return Answer(address, True, "is there", server.size(parts.path))
    except ftplib.all_errors as error:
        return Answer(address, False, f"{type(error).__name__}: {str(error)[:200]}")
