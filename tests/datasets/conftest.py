"""A server of one's own, and downloads that do not wait between their tries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.datasets.local_server import LocalServer, serving


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving() as state:
        yield state


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.datasets.fetching.resumable_http.FIRST_WAIT", 0.0)
