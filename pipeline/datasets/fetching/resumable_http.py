"""A download over HTTP in as many tries as needed: each try keeps what has arrived and asks for the rest.

A try that continues asks for a range, on the condition that the file is still the same (`If-Range`, RFC
9110). Without an ETag or a date for this condition, or if the server answers with the whole file, the
download starts again: parts of two files are never joined.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.files import read_json, write_json
from pipeline.runtime.errors import DusklineError
from pipeline.runtime.progress import progress_of_bytes

if TYPE_CHECKING:
    import requests

# Seconds to connect, and to wait for the next byte.
TIMEOUT = (15, 60)
# Tries in a row that get next to nothing, before an address is given up.
TRIES = 5
# Seconds before the second try; doubled each time, up to the longest.
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
_CHUNK = 1 << 18
# Bytes from which on a try counts as progress.
_SOMEWHERE = 1 << 16
# Too many requests, and errors of a server that may pass.
_FOR_A_WHILE = (408, 425, 429, 500, 502, 503, 504)
_OK, _PARTIAL, _PAST_THE_END = 200, 206, 416


class DownloadFailedError(DusklineError):
    """An address does not have the file; the next one may."""


class _DroppedError(Exception):
    """A try ended too early; the next may get the rest. wait: seconds that the server asks to wait."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(frozen=True)
class _Begun:
    """What is known of an unfinished file: its size, and its ETag or date, "" if there is none."""

    total: int | None
    validator: str


def fetch_over_http(address: str, part: Path, wait: Callable[[float], None] = time.sleep) -> None:
    """Download the whole file at `address` to `part`, continuing after the bytes that `part` has already.

    `<part>.json` records what is known of the file, and stays beside `part` until the file is complete.
    Raises `DownloadFailedError` if the address does not have it, or after `TRIES` tries in a row without
    progress; `part` then keeps what has arrived. Raises `OSError` if it cannot be written.
    """
    import requests
    import urllib3

    fruitless, farthest = 0, _size(part)
    while True:
        try:
            _go(address, part)
        except (_DroppedError, requests.RequestException, urllib3.exceptions.HTTPError) as error:
            # Farther than ever before: a download that always starts again would otherwise never end.
            got_somewhere = _size(part) >= farthest + _SOMEWHERE
            farthest = max(farthest, _size(part))
            fruitless = 0 if got_somewhere else fruitless + 1
            if fruitless == TRIES:
                raise DownloadFailedError(
                    f"{address}: {in_short(error)}; {TRIES} tries in a row got no data,"
                    f" {_size(part):,} bytes are kept"
                ) from error
            asked = error.wait if isinstance(error, _DroppedError) else 0.0
            wait(min(LONGEST_WAIT, max(asked, FIRST_WAIT * 2 ** max(0, fruitless - 1))))
        else:
            _about(part).unlink(missing_ok=True)
            return


def in_short(error: BaseException) -> str:
    """The name and the first words of an error."""
    name = "" if isinstance(error, _DroppedError) else f"{type(error).__name__}: "
    return f"{name}{str(error)[:300]}"


def _go(address: str, part: Path) -> None:
    """Ask for what is missing, and append it."""
    import requests

    begun, have = _read_begun(part), _size(part)
    if begun is None or not begun.validator:
        begun, have = None, 0
    headers = {"Accept-Encoding": "identity"}
    if have and begun is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": begun.validator}
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        _require_file(answer, address)
        if answer.status_code == _PAST_THE_END:
            if begun is not None and begun.total == have:
                return  # it was complete, but not yet marked as such
            _forget(part)
            raise _DroppedError("the server has fewer bytes than were downloaded; restarted")
        first, total = _span(answer)
        if answer.status_code == _PARTIAL and not _is_the_rest(answer, begun, first, have, total):
            _forget(part)
            raise _DroppedError("the server sent another range than requested; restarted")
        if answer.status_code == _OK:
            have = 0
        write_json(_about(part), asdict(_Begun(total, _validator(answer))))
        with (
            part.open("ab" if have else "wb") as stream,
            progress_of_bytes(part.name, have, total) as arrived,
        ):
            # Written as it arrives, so that nothing is lost with the connection.
            while chunk := answer.raw.read1(_CHUNK):
                stream.write(chunk)
                arrived(len(chunk))
    have = _size(part)
    if total is not None and have != total:
        raise _DroppedError(f"the connection ended after {have:,} of {total:,} bytes")


def _require_file(answer: requests.Response, address: str) -> None:
    status = answer.status_code
    if status in (_OK, _PARTIAL, _PAST_THE_END):
        return
    said = f"{status} {answer.reason}"
    if status in _FOR_A_WHILE:
        asked = answer.headers.get("Retry-After", "")
        raise _DroppedError(said, float(asked) if asked.isdigit() else 0.0)
    raise DownloadFailedError(f"{address}: {said}")


def _span(answer: requests.Response) -> tuple[int, int | None]:
    """The first byte of the answer within the file, and the size of the file, if the answer says it."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
    if answer.status_code == _PARTIAL and found:
        return int(found[1]), None if found[2] == "*" else int(found[2])
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdigit() and answer.status_code == _OK else None


def _is_the_rest(
    answer: requests.Response, begun: _Begun | None, first: int, have: int, total: int | None
) -> bool:
    """Whether a partial answer continues what has arrived, of the same file."""
    if begun is None or first != have or total != begun.total:
        return False
    return _validator(answer) in ("", begun.validator)


def _validator(answer: requests.Response) -> str:
    """What identifies this version of the file: a strong ETag, or else its date; "" without both."""
    tag = answer.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return answer.headers.get("Last-Modified", "")


def _read_begun(part: Path) -> _Begun | None:
    with suppress(DusklineError, TypeError):
        begun = _Begun(**read_json(_about(part)))
        if isinstance(begun.validator, str) and isinstance(begun.total, int | None):
            return begun
    return None


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _about(part).unlink(missing_ok=True)


def _about(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
