"""Addresses that are alive, gone, moved, or will not be asked for headers alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.datasets.upkeep import link_check
from pipeline.datasets.upkeep.link_check import Answer, ask, ask_all
from tests.datasets.local_server import LocalServer, serving

DATA = b"x" * 5000


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving() as state:
        state.files["/a.tar"] = DATA
        yield state


def test_a_file_that_is_there_says_its_size_and_is_not_fetched(server: LocalServer) -> None:
    address = server.address("/a.tar")
    assert ask(address) == Answer(address, True, "200 OK", 5000)
    assert server.sent == 0
    assert str(ask(address)) == f"alive  {address}  200 OK, 5,000 bytes"


@pytest.mark.parametrize("status", [403, 405, 501])
def test_who_does_not_give_headers_alone_is_asked_for_a_byte(server: LocalServer, status: int) -> None:
    server.statuses = [(status, {})]
    found = ask(server.address("/a.tar"))
    assert (found.alive, found.said, found.size) == (True, "206 Partial Content", 5000)
    assert server.headers[1]["Range"] == "bytes=0-0"


def test_what_is_gone_says_so(server: LocalServer) -> None:
    found = ask(server.address("/b.tar"))
    assert (found.alive, found.said, found.size) == (False, "404 Not Found", None)
    assert str(found).startswith("DEAD   http://127.0.0.1")


def test_what_moved_says_where(server: LocalServer) -> None:
    server.statuses = [(302, {"Location": "/a.tar"})]
    found = ask(server.address("/old.tar"))
    assert found.alive
    assert found.said == f"200 OK, moved to {server.address('/a.tar')}"


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.tar", "ftp://127.0.0.1:9/a.tar"])
def test_nobody_there(address: str) -> None:
    found = ask(address)
    assert not found.alive
    assert "Error" in found.said


def test_a_page_of_google_drive_is_alive_and_says_no_size(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_check, "_DRIVE", server.address("/uc?id="))
    server.statuses = [(200, {"Content-Type": "text/html; charset=utf-8"})]
    assert ask("drive:abc") == Answer("drive:abc", True, "200 OK")
    assert server.asked == ["/uc?id=abc"]
    assert not ask("drive:abc").alive


def test_many_are_answered_in_their_order(server: LocalServer) -> None:
    addresses = [server.address(f"/{number}") for number in range(9)] + [server.address("/a.tar")]
    found = list(ask_all(addresses))
    assert [answer.address for answer in found] == addresses
    assert [answer.alive for answer in found] == [False] * 9 + [True]
