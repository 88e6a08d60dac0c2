"""Remotes that answer, that are gone, that refuse: real ones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.doctor.dvc_project import DvcProject, check_remotes, read_dvc_project
from pipeline.doctor.findings import Finding
from pipeline.runtime.errors import DusklineError, MissingInputError
from tests.free_port import free_port
from tests.s3_server import BUCKET, guarded_s3_server
from tests.sharing.small_project import dvc


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    (tmp_path / "project").mkdir()
    dvc(tmp_path / "project", "init", "-q", "--no-scm")
    _configure(tmp_path / "project")
    return tmp_path / "project"


def _configure(root: Path, *core: str, remote: str = "") -> None:
    lines = ["[core]", "no_scm = True", *core, "[cache]", 'type = "hardlink,copy"', remote]
    (root / ".dvc" / "config").write_text("\n".join(lines) + "\n")


def _add_remote(root: Path, url: str, *settings: str, default: bool = True) -> None:
    section = "\n".join(["['remote \"shared\"']", f"url = {url}", *settings])
    _configure(root, *(["remote = shared"] if default else []), remote=section)


def _look(root: Path) -> Finding:
    [found] = check_remotes(read_dvc_project(root), root, 120)
    return found


def test_what_the_configuration_says(root: Path) -> None:
    _add_remote(root, str(root.parent / "share"))
    assert read_dvc_project(root) == DvcProject(
        cache=root / ".dvc" / "cache" / "files" / "md5",
        links=("hardlink", "copy"),
        remotes={"shared": str(root.parent / "share")},
        default="shared",
    )


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is not the root of a DVC project"):
        read_dvc_project(tmp_path)


def test_a_configuration_that_cannot_be_read(root: Path) -> None:
    (root / ".dvc" / "config").write_text("[core\n")
    with pytest.raises(
        DusklineError, match="DVC's configuration cannot be read: config file error"
    ) as caught:
        read_dvc_project(root)
    assert ".dvc/config.local" in caught.value.hint


def test_no_remote_is_only_a_note(root: Path) -> None:
    found = _look(root)
    assert (found.grade, "duskline share URL" in found.found) == ("note", True)


def test_a_folder_that_is_there(root: Path) -> None:
    _add_remote(root, str(root.parent / "share"))
    assert _look(root).found.endswith("share answers; nothing was pushed to it yet")
    (root.parent / "share").mkdir()
    assert _look(root).found.endswith("answers; nothing was pushed to it yet")
    (root.parent / "share" / "files").mkdir()
    assert _look(root) == Finding("remote", "ok", f"shared (default): {root.parent / 'share'} answers")


def test_a_folder_on_a_disk_that_is_gone(root: Path) -> None:
    _add_remote(root, "/no such disk/share")
    found = _look(root)
    assert found.grade == "fault"
    assert (
        "cannot be reached: FileNotFoundError: neither /no such disk/share nor /no such disk" in found.found
    )
    assert "dvc remote list" in found.advice


def test_a_remote_that_is_not_the_default(root: Path) -> None:
    _add_remote(root, str(root.parent / "share"), default=False)
    found = list(check_remotes(read_dvc_project(root), root, 120))
    assert [finding.grade for finding in found] == ["ok", "warning"]
    assert "dvc remote default" in found[1].advice


def test_a_remote_that_hangs_is_given_up(root: Path) -> None:
    _add_remote(root, str(root.parent / "share"))
    start = time.monotonic()
    [found] = check_remotes(read_dvc_project(root), root, 0.05)
    assert time.monotonic() - start < 20
    assert (found.grade, "no answer within 0.05 s" in found.found) == ("fault", True)


def test_a_kind_of_remote_that_cannot_be_used_here(root: Path) -> None:
    _add_remote(root, "webhdfs://somewhere/share")
    found = _look(root)
    assert found.grade == "fault"
    assert "cannot be reached" in found.found


@pytest.mark.slow
def test_a_dead_port(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anybody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    _add_remote(root, f"s3://{BUCKET}/x", f"endpointurl = http://127.0.0.1:{free_port()}")
    found = _look(root)
    assert found.grade == "fault"
    assert "cannot be reached: " in found.found


@pytest.mark.slow
def test_an_s3_server_with_right_and_wrong_credentials(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded_s3_server() as server:
        _add_remote(root, f"s3://{BUCKET}/x", f"endpointurl = {server.endpoint}")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert _look(root).found.endswith("answers; nothing was pushed to it yet")
        server.client().put_object(Bucket=BUCKET, Key="x/files/md5/aa/bb", Body=b"x")
        assert _look(root).grade == "ok"
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
        refused = _look(root)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setenv("HOME", str(root))
        without = _look(root)
    for found in (refused, without):
        assert found.grade == "fault", found
        assert "refuses us: " in found.found
        assert "AWS_ACCESS_KEY_ID" in found.advice


@pytest.mark.slow
def test_a_bucket_that_is_not_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with guarded_s3_server() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        _add_remote(root, "s3://nowhere/x", f"endpointurl = {server.endpoint}")
        found = _look(root)
    assert found.grade == "fault"
    assert "cannot be reached: FileNotFoundError" in found.found
