"""Files over HTTP from a server that drops, lies, throttles, forgets and changes its mind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.datasets.fetching.resumable_http import (
    LONGEST_WAIT,
    TRIES,
    DownloadFailedError,
    fetch_over_http,
)
from tests.datasets.local_server import LocalServer, serving
from tests.import_graph import ROOT

DATA = bytes(range(256)) * 4000  # 1,024,000 bytes
OTHER = bytes(reversed(DATA))
PATH = "/a.tar"


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving() as state:
        state.files[PATH] = DATA
        yield state


class Waits(list[float]):
    """Takes the seconds that would have been waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def fetch(server: LocalServer, part: Path, waits: Waits | None = None) -> bytes:
    fetch_over_http(server.address(PATH), part, Waits() if waits is None else waits)
    return part.read_bytes()


def test_a_file_arrives_whole_and_nothing_is_left_beside_it(server: LocalServer, tmp_path: Path) -> None:
    assert fetch(server, tmp_path / "a.tar") == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_dropped_connections_are_gone_on_from(server: LocalServer, tmp_path: Path) -> None:
    server.drops = [300_000, 1, 400_000]
    waits = Waits()
    assert fetch(server, tmp_path / "a.tar", waits) == DATA
    assert server.sent == len(DATA)  # nothing came twice
    assert [headers.get("Range") for headers in server.headers] == [
        None,
        "bytes=300000-",
        "bytes=300001-",
        "bytes=700001-",
    ]
    assert server.headers[1]["If-Range"] == server.tag(PATH)
    assert waits == [1, 1, 1]


def test_goes_that_bring_nothing_are_spaced_and_end(server: LocalServer, tmp_path: Path) -> None:
    server.drops = [500_000, *[0] * TRIES]
    waits = Waits()
    with pytest.raises(DownloadFailedError, match="5 tries in a row got no data, 500,000 bytes are kept"):
        fetch(server, tmp_path / "a.tar", waits)
    assert waits == [1, 1, 2, 4, 8]
    assert (tmp_path / "a.tar").stat().st_size == 500_000
    # Another run continues from there.
    server.sent = 0
    assert fetch(server, tmp_path / "a.tar") == DATA
    assert server.sent == len(DATA) - 500_000


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again_when_it_says(server: LocalServer, tmp_path: Path, status: int) -> None:
    server.statuses = [(status, {"Retry-After": "7"}), (status, {}), (status, {"Retry-After": "3600"})]
    waits = Waits()
    assert fetch(server, tmp_path / "a.tar", waits) == DATA
    assert waits == [7, 2, LONGEST_WAIT]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 418])
def test_what_is_not_there_is_not_asked_for_again(server: LocalServer, tmp_path: Path, status: int) -> None:
    server.statuses = [(status, {})]
    with pytest.raises(DownloadFailedError, match=rf"{PATH}: {status} \S+"):
        fetch(server, tmp_path / "a.tar")
    assert len(server.asked) == 1


def test_a_file_that_has_become_another_is_never_spliced(server: LocalServer, tmp_path: Path) -> None:
    server.drops = [600_000, *[0] * TRIES]
    with pytest.raises(DownloadFailedError):
        fetch(server, tmp_path / "a.tar")
    server.files[PATH] = OTHER
    assert fetch(server, tmp_path / "a.tar") == OTHER


def test_a_server_that_ignores_the_condition_is_found_out(server: LocalServer, tmp_path: Path) -> None:
    server.drops = [600_000, *[0] * TRIES]
    with pytest.raises(DownloadFailedError):
        fetch(server, tmp_path / "a.tar")
    # What was begun had another tag, as an answer with the new one shows.
    about = tmp_path / "a.tar.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"total": len(OTHER) - 1}))
    server.files[PATH] = OTHER
    assert fetch(server, tmp_path / "a.tar") == OTHER


def test_a_piece_from_elsewhere_is_refused(server: LocalServer, tmp_path: Path) -> None:
    server.drops = [600_000]
    server.shifted.add(PATH)
    assert fetch(server, tmp_path / "a.tar") == DATA
    assert [headers.get("Range") for headers in server.headers] == [None, "bytes=600000-", None]


@pytest.mark.parametrize("without", ["ranges", "tags"])
def test_without_ranges_or_tags_it_starts_again(server: LocalServer, tmp_path: Path, without: str) -> None:
    setattr(server, without, False)
    server.drops = [600_000]
    assert fetch(server, tmp_path / "a.tar") == DATA
    assert server.sent == 600_000 + len(DATA)


def test_a_whole_part_that_nobody_called_whole_is_not_fetched_again(
    server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "a.tar").write_bytes(DATA)
    (tmp_path / "a.tar.json").write_text(json.dumps({"total": len(DATA), "validator": server.tag(PATH)}))
    assert fetch(server, tmp_path / "a.tar") == DATA
    assert server.sent == 0


def test_a_part_longer_than_the_file_is_thrown_away(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(OTHER + b"more")
    (tmp_path / "a.tar.json").write_text(json.dumps({"total": len(OTHER) + 9, "validator": server.tag(PATH)}))
    assert fetch(server, tmp_path / "a.tar") == DATA


@pytest.mark.parametrize("record", ["", "{", "[]", '{"total": "x", "validator": 3}', '{"other": 1}'])
def test_a_part_with_a_damaged_record_is_begun_again(
    server: LocalServer, tmp_path: Path, record: str
) -> None:
    (tmp_path / "a.tar").write_bytes(b"half")
    (tmp_path / "a.tar.json").write_text(record)
    assert fetch(server, tmp_path / "a.tar") == DATA


def test_a_length_that_is_a_lie_is_no_file(server: LocalServer, tmp_path: Path) -> None:
    server.lies[PATH] = len(DATA) + 1000
    with pytest.raises(DownloadFailedError, match="5 tries in a row got no data"):
        fetch(server, tmp_path / "a.tar")


def test_a_killed_download_is_gone_on_from(server: LocalServer, tmp_path: Path) -> None:
    server.slow = 0.1
    part = tmp_path / "a.tar"
    code = (
        "import sys; from pathlib import Path;"
        " from pipeline.datasets.fetching.resumable_http import fetch_over_http;"
        " fetch_over_http(sys.argv[1], Path(sys.argv[2]))"
    )
    run = subprocess.Popen([sys.executable, "-c", code, server.address(PATH), str(part)], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size > 200_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    had = part.stat().st_size
    assert 200_000 < had < len(DATA)
    server.slow = 0
    assert fetch(server, part) == DATA
    assert [headers.get("Range") for headers in server.headers] == [None, f"bytes={had}-"]


@settings(max_examples=25)
@given(drops=st.lists(st.integers(0, 400_000), max_size=8), ranges=st.booleans(), tags=st.booleans())
def test_however_it_drops_the_file_is_the_file(
    tmp_path_factory: pytest.TempPathFactory, drops: list[int], ranges: bool, tags: bool
) -> None:
    part = tmp_path_factory.mktemp("drops") / "a.tar"
    with serving() as server:
        server.files[PATH] = DATA
        server.drops, server.ranges, server.tags = [*drops], ranges, tags
        try:
            assert fetch(server, part) == DATA
        except DownloadFailedError:
            assert len(drops) >= TRIES
            server.drops = []
            assert fetch(server, part) == DATA
