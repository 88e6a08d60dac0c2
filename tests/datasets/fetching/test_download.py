from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.datasets.fetching.download import download, is_address
from pipeline.datasets.fetching.resumable_http import TRIES, DownloadFailedError
from pipeline.runtime.errors import DusklineError
from tests.datasets.local_server import LocalServer
from tests.import_graph import ROOT

pytestmark = pytest.mark.usefixtures("no_waits")

DATA = bytes(range(256)) * 20_000


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole(tmp_path: Path, server: LocalServer) -> None:
    server.files["/a.tar"] = DATA
    download(server.address("/a.tar"), tmp_path / "new" / "a.tar")
    assert (tmp_path / "new" / "a.tar").read_bytes() == DATA
    assert listing(tmp_path / "new") == ["a.tar"]


def test_what_is_not_there_leaves_nothing_new(tmp_path: Path, server: LocalServer) -> None:
    (tmp_path / "a.tar").write_bytes(b"older")
    with pytest.raises(DownloadFailedError, match="404") as caught:
        download(server.address("/nowhere.tar"), tmp_path / "a.tar")
    assert server.address("/nowhere.tar") in str(caught.value)
    assert (tmp_path / "a.tar").read_bytes() == b"older"
    assert listing(tmp_path) == ["a.tar"]


def test_what_has_arrived_waits_for_the_next_download(tmp_path: Path, server: LocalServer) -> None:
    server.files["/a.tar"] = DATA
    server.drops = [len(DATA) // 2, *[0] * TRIES]
    (tmp_path / "a.tar").write_bytes(b"older")
    with pytest.raises(DownloadFailedError, match="tries in a row got no data"):
        download(server.address("/a.tar"), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == b"older"
    server.sent = 0
    download(server.address("/a.tar"), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == DATA
    assert server.sent == len(DATA) - len(DATA) // 2
    assert listing(tmp_path) == ["a.tar"]


def test_another_address_does_not_go_on_with_the_first_one_s_part(
    tmp_path: Path, server: LocalServer
) -> None:
    server.files |= {"/a.tar": DATA, "/mirror/a.tar": DATA[::-1]}
    server.drops = [len(DATA) // 2, *[0] * TRIES]
    with pytest.raises(DownloadFailedError):
        download(server.address("/a.tar"), tmp_path / "a.tar")
    download(server.address("/mirror/a.tar"), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == DATA[::-1]
    assert listing(tmp_path) == ["a.tar"]


def test_a_full_disk_keeps_what_has_arrived(tmp_path: Path, server: LocalServer) -> None:
    server.files["/a.tar"] = DATA
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))\n"
        "from pipeline.datasets.fetching.download import download\n"
        "from pipeline.runtime.errors import DusklineError\n"
        "try: download(sys.argv[1], Path(sys.argv[2]))\n"
        "except DusklineError as error: print(error)"
    )
    arguments = [server.address("/a.tar"), str(tmp_path / "a.tar")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert f"could not write {tmp_path / 'a.tar'}: File too large" in done.stdout
    assert "then run the same command again to continue" in done.stdout
    server.sent = 0
    download(*arguments[:1], Path(arguments[1]))
    assert (tmp_path / "a.tar").read_bytes() == DATA
    assert server.sent <= len(DATA) - 1_900_000


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailedError, match=r"127\.0\.0\.1:9/a\.tar: ConnectionError"):
        download("http://127.0.0.1:9/a.tar", tmp_path / "a.tar")
    assert listing(tmp_path) == []


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
    assert asked["resume"] is True
    assert (tmp_path / "xs.zip").read_bytes() == DATA
    assert listing(tmp_path) == ["xs.zip"]


def test_google_drive_s_quota_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gdown

    def refuse(**options: Any) -> str:
        Path(options["output"] + "abc.part").write_bytes(b"half")
        raise gdown.exceptions.FileURLRetrievalError("Too many users have viewed or downloaded this file")

    monkeypatch.setattr("gdown.download", refuse)
    with pytest.raises(DownloadFailedError, match=r"Google refuses the download: .*\(quota\)") as caught:
        download("drive:abc123", tmp_path / "xs.zip")
    assert "https://drive.google.com/uc?id=abc123 in a browser" in str(caught.value)
    assert not (tmp_path / "xs.zip").exists()
    assert len(listing(tmp_path)) == 1  # what gdown continues from


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("https://x.org/a", True),
        ("http://x/a", True),
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
        "import sys, pipeline.datasets.fetching.fetch; "
        "print([m for m in ('requests', 'gdown', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
