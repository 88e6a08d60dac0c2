"""A little HTTP server on loopback that behaves as badly as it is told to."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class LocalServer:
    """What to give by path, and how.

    files: their bytes. broken: paths that claim their whole size and stop halfway, each time again. drops:
    after how many further bytes the next answers end. statuses: what to answer next instead of the file,
    with the headers to send. ranges: whether pieces are given. tags: whether files have ETags. shifted:
    paths whose pieces begin a byte too late. lies: by path, the length that is claimed. slow: seconds before
    each piece of 64 KiB. asked: the paths that were asked for; headers: with what. sent: bytes in all.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    drops: list[int] = field(default_factory=list)
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    ranges: bool = True
    tags: bool = True
    shifted: set[str] = field(default_factory=set)
    lies: dict[str, int] = field(default_factory=dict)
    slow: float = 0.0
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    sent: int = 0
    port: int = 0

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def tag(self, path: str) -> str:
        return f'"{hashlib.sha256(self.files[path]).hexdigest()[:16]}"'


class _Handler(BaseHTTPRequestHandler):
    state: LocalServer

    def do_GET(self) -> None:
        state = self.state
        state.asked.append(self.path)
        state.headers.append(dict(self.headers))
        if state.statuses:
            status, headers = state.statuses.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path not in state.files:
            self.send_error(404)
            return
        data = state.files[self.path]
        first = self._first()
        if first is not None and first >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin = (first or 0) + (self.path in state.shifted and first is not None)
        self.send_response(200 if first is None else 206)
        if first is not None:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        if state.tags:
            self.send_header("ETag", state.tag(self.path))
        self.send_header("Content-Length", str(state.lies.get(self.path, len(data) - begin)))
        self.end_headers()
        self._send(data[begin:])

    def _first(self) -> int | None:
        found = re.fullmatch(r"bytes=(\d+)-\d*", self.headers.get("Range", ""))
        if not found or not self.state.ranges:
            return None
        same = self.headers.get("If-Range") in (None, self.state.tag(self.path))
        return int(found[1]) if same else None

    def _send(self, data: bytes) -> None:
        state = self.state
        if self.path in state.broken:
            data = data[: len(data) // 2]
        elif state.drops:
            data = data[: state.drops.pop(0)]
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(data), 1 << 16):
                time.sleep(state.slow)
                piece = data[start : start + (1 << 16)]
                # Before the client can have it, and be done and ask how much there was.
                state.sent += len(piece)
                self.wfile.write(piece)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving() -> Iterator[LocalServer]:
    state = LocalServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.port = server.server_address[1]
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
