from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import DusklineError
from pipeline.datasets.download import DownloadFailedError, download, is_address
from tests.datasets.local_server import LocalServer, serving

DATA = bytes(range(256)) * 20_000


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serving() as state:
        yield state


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole(tmp_path: Path, server: LocalServer) -> None:
    server.files["/a.tar"] = DATA
    download(server.address("/a.tar"), tmp_path / "new" / "a.tar")
    assert (tmp_path / "new" / "a.tar").read_bytes() == DATA
    assert listing(tmp_path / "new") == ["a.tar"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("/nowhere.tar", "404"), ("/half.tar", "IncompleteRead|Connection broken")],
)
def test_a_failed_download_leaves_nothing_new(
    tmp_path: Path, server: LocalServer, path: str, message: str
) -> None:
    server.files["/half.tar"] = DATA
    server.broken.add("/half.tar")
    (tmp_path / "a.tar").write_bytes(b"older")
    with pytest.raises(DownloadFailedError, match=message) as caught:
        download(server.address(path), tmp_path / "a.tar")
    assert server.address(path) in str(caught.value)
    assert (tmp_path / "a.tar").read_bytes() == b"older"
    assert listing(tmp_path) == ["a.tar"]


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailedError, match=r"127\.0\.0\.1:9/a\.tar: ConnectionError"):
        download("http://127.0.0.1:9/a.tar", tmp_path / "a.tar")
    assert listing(tmp_path) == []


def test_ftp_that_nobody_serves(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailedError, match=r"ftp://127\.0\.0\.1:9/a\.tar"):
        download("ftp://127.0.0.1:9/a.tar", tmp_path / "a.tar")


def test_a_target_that_cannot_be_written(tmp_path: Path, server: LocalServer) -> None:
    server.files["/a.tar"] = DATA
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DusklineError, match=r"could not write .*file/a\.tar") as caught:
        download(server.address("/a.tar"), tmp_path / "file" / "a.tar")
    assert not isinstance(caught.value, DownloadFailedError)


def test_google_drive_gives_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def give(**options: Any) -> str:
        asked.update(options)
        Path(options["output"]).write_bytes(DATA)
        return str(options["output"])

    monkeypatch.setattr("gdown.download", give)
    download("drive:abc123", tmp_path / "xs.zip")
    assert asked["id"] == "abc123"
    assert (tmp_path / "xs.zip").read_bytes() == DATA
    assert listing(tmp_path) == ["xs.zip"]


def test_what_a_killed_download_left_goes_with_the_next_one(tmp_path: Path, server: LocalServer) -> None:
    code = (
        "import os, sys; from pathlib import Path; from pipeline.datasets import download as d\n"
        "def die(address, beside): beside.write_bytes(b'half'); os._exit(9)\n"
        "d._from_http = die; d.download('http://x/a.tar', Path(sys.argv[1]))"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.tar")], check=False)
    assert len(listing(tmp_path)) == 1
    server.files["/a.tar"] = DATA
    download(server.address("/a.tar"), tmp_path / "a.tar")
    assert listing(tmp_path) == ["a.tar"]


def test_google_drive_s_quota_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gdown

    def refuse(**options: Any) -> str:
        Path(options["output"] + "abc.part").write_bytes(b"half")
        raise gdown.exceptions.FileURLRetrievalError("Too many users have viewed or downloaded this file")

    monkeypatch.setattr("gdown.download", refuse)
    with pytest.raises(DownloadFailedError, match=r"Google refuses it, .*\(quota\)") as caught:
        download("drive:abc123", tmp_path / "xs.zip")
    assert "https://drive.google.com/uc?id=abc123 in a browser" in str(caught.value)
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("https://x.org/a", True),
        ("http://x/a", True),
        ("ftp://x/a", True),
        ("drive:1", True),
        ("archives/gen.pt", False),
        ("/home/me/http.pt", False),
        ("", False),
    ],
)
def test_addresses_and_paths(place: str, expected: bool) -> None:
    assert is_address(place) is expected


def test_importing_costs_no_http_client() -> None:
    code = (
        "import sys, pipeline.datasets.fetch; "
        "print([m for m in ('requests', 'pooch', 'gdown', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
