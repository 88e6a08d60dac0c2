"""A remote is set up once, verified, and never with a secret in its address."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from pipeline.runtime.errors import MissingInputError, ParameterError, UserError
from pipeline.sharing.objects import SharedProject
from pipeline.sharing.remote import Remote, remote_at, set_up


def _config(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser()
    parser.read(path)
    return {section: dict(parser[section]) for section in parser.sections()}


@pytest.mark.parametrize("url", ["s3://me:secret@places/x", "ssh://me@host/x"])
def test_credentials_in_an_address_are_refused(url: str) -> None:
    with pytest.raises(ParameterError, match="an address must not contain credentials") as caught:
        Remote("shared", url)
    assert "--local" in str(caught.value)


def test_credentials_in_an_endpoint_are_refused() -> None:
    with pytest.raises(ParameterError, match="an address must not contain credentials"):
        Remote("shared", "s3://places", "http://me:secret@host:9000")


def test_an_endpoint_belongs_to_s3() -> None:
    with pytest.raises(ParameterError, match="an endpoint is only for s3:// addresses, not for /mnt/share"):
        Remote("shared", "/mnt/share", "http://host:9000")


def test_a_folder_within_the_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="would be in the project itself"):
        remote_at(str(tmp_path / "data" / "remote"), "shared", "", tmp_path)


def test_a_folder_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    assert remote_at("../share", "shared", "", Path()).url == str(tmp_path / "share")


def test_it_becomes_the_default_and_is_verified(root: Path) -> None:
    project = SharedProject(root)
    remote = Remote("shared", "s3://places/x", "http://host:9000")
    assert set_up(project, remote, "repo")
    found = _config(root / ".dvc" / "config")
    assert found["core"]["remote"] == "shared"
    assert found["'remote \"shared\"'"] == {
        "url": "s3://places/x",
        "verify": "True",
        "endpointurl": "http://host:9000",
    }
    assert not set_up(project, remote, "repo")
    assert not set_up(SharedProject(root), remote, "repo")


def test_on_this_machine_alone_the_shared_file_stays_as_it_was(root: Path, tmp_path: Path) -> None:
    before = (root / ".dvc" / "config").read_bytes()
    set_up(SharedProject(root), Remote("shared", str(tmp_path / "share")), "local")
    assert (root / ".dvc" / "config").read_bytes() == before
    assert _config(root / ".dvc" / "config.local")["core"]["remote"] == "shared"


def test_another_address_under_the_same_name_is_refused(root: Path, tmp_path: Path) -> None:
    set_up(SharedProject(root), Remote("shared", str(tmp_path / "one")), "repo")
    with pytest.raises(UserError, match=r"the remote shared already exists, at .*one") as caught:
        set_up(SharedProject(root), Remote("shared", str(tmp_path / "two")), "repo")
    assert "dvc remote remove shared" in str(caught.value)


def test_an_older_remote_that_is_not_verified_is_repaired(root: Path, tmp_path: Path) -> None:
    url = str(tmp_path / "share")
    project = SharedProject(root)
    with project.repo.config.edit("repo") as config:
        config["remote"]["shared"] = {"url": url}
        config["core"]["remote"] = "shared"
    assert set_up(SharedProject(root), Remote("shared", url), "repo")
    assert _config(root / ".dvc" / "config")["'remote \"shared\"'"]["verify"] == "True"


def test_without_a_project_or_a_remote_it_is_said_what_to_do(root: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingInputError, match="is not the root of a DVC project"):
        SharedProject(tmp_path)
    with pytest.raises(MissingInputError, match="duskline share URL"):
        SharedProject(root).remote()
    with pytest.raises(MissingInputError, match="other"):
        SharedProject(root).remote("other")
