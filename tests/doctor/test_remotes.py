"""Remotes that answer, that are gone, that refuse: real ones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.doctor.findings import Finding, ok
from pipeline.doctor.remotes import check_remotes
from pipeline.sharing.objects import SharedProject
from tests.free_port import free_port
from tests.s3_server import BUCKET, guarded_s3_server
from tests.sharing.small_project import dvc


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    (tmp_path / "project").mkdir()
    dvc(tmp_path / "project", "init", "-q", "--no-scm")
    _configure(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def _configure(root: Path, *core: str, remote: str = "") -> None:
    lines = ["[core]", "no_scm = True", *core, "[cache]", 'type = "hardlink,copy"', remote]
    (root / ".dvc" / "config").write_text("\n".join(lines) + "\n")


def _add_remote(root: Path, url: str, *settings: str, default: bool = True) -> None:
    section = "\n".join(["['remote \"shared\"']", f"url = {url}", *settings])
    _configure(root, *(["remote = shared"] if default else []), remote=section)


def _look(root: Path, seconds: float = 120) -> list[Finding]:
    return list(check_remotes(SharedProject(root).repo.config, seconds))


def test_no_remote_is_only_a_note(root: Path) -> None:
    [found] = _look(root)
    assert (found.grade, "duskline share URL" in found.found) == ("note", True)


def test_a_folder_that_is_there(root: Path) -> None:
    share = root.parent / "share"
    _add_remote(root, str(share))
    assert _look(root) == [ok(f"shared (default): {share} answers; nothing is pushed yet")]
    (share / "files").mkdir(parents=True)
    assert _look(root) == [ok(f"shared (default): {share} answers")]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/no such disk/share", "FileNotFoundError: [Errno 2] No such file or directory: '/no such disk'"),
        ("webhdfs://somewhere/share", "webhdfs"),  # of which the library is not installed
    ],
)
def test_a_remote_that_cannot_be_used(root: Path, url: str, reason: str) -> None:
    _add_remote(root, url)
    [found] = _look(root)
    assert found.grade == "fault"
    assert "cannot be used: " in found.found
    assert reason in found.found.partition("used: ")[2]
    assert "check its address" in found.advice


def test_a_remote_that_is_not_the_default(root: Path) -> None:
    _add_remote(root, str(root.parent / "share"), default=False)
    found = _look(root)
    assert [finding.grade for finding in found] == ["ok", "warning"]
    assert "dvc remote default" in found[1].advice


def test_a_remote_that_hangs_is_given_up(root: Path) -> None:
    _add_remote(root, str(root.parent / "share"))
    start = time.monotonic()
    [found] = _look(root, 0.05)
    assert time.monotonic() - start < 20
    assert (found.grade, "no answer within 0.05 s" in found.found) == ("fault", True)


@pytest.mark.slow
def test_a_dead_port(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    _add_remote(root, f"s3://{BUCKET}/x", f"endpointurl = http://127.0.0.1:{free_port()}")
    [found] = _look(root)
    assert (found.grade, "cannot be used: " in found.found) == ("fault", True)


@pytest.mark.slow
def test_an_s3_server_with_right_and_wrong_credentials(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded_s3_server() as server:
        _add_remote(root, f"s3://{BUCKET}/x", f"endpointurl = {server.endpoint}")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert _look(root)[0].found.endswith("answers; nothing is pushed yet")
        server.client().put_object(Bucket=BUCKET, Key="x/files/md5/aa/bb", Body=b"x")
        assert _look(root)[0].found.endswith("answers")
        _add_remote(root, "s3://nowhere/x", f"endpointurl = {server.endpoint}")
        [no_bucket] = _look(root)
        _add_remote(root, f"s3://{BUCKET}/x", f"endpointurl = {server.endpoint}")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        [refused] = _look(root)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("HOME", str(root))
        [without] = _look(root)
    for found, reason in (
        (no_bucket, "FileNotFoundError"),
        (refused, "PermissionError"),
        (without, "redentials"),
    ):
        assert found.grade == "fault", found
        assert reason in found.found
        assert "AWS_ACCESS_KEY_ID" in found.advice
