"""`duskline share`, `repair` and `export`: what they say, ask and refuse."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.datasets.image_set.licence_terms import Terms, write_terms
from pipeline.datasets.sources.registry import terms_below
from pipeline.datasets.writing.set_writer import replaced_set
from stages import export, repair, share
from tests.sharing.small_project import dvc, small_project


@pytest.fixture
def project(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    root = small_project(tmp_path_factory, tmp_path / "project")
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.chdir(root)
    with replaced_set(root / "data" / "sets" / "street") as writer:
        writer.add(
            "images/test/queries/@500000.00@4400000.00@17@T@@@1@@@@@@@@.jpg",
            b"not decoded",
            source="raw",
            width=4,
            height=3,
        )
        write_terms(writer.root, [Terms("street", "A street", "for research only", terms="Ask first.")])
    return root


def _share(*arguments: str) -> Result:
    return CliRunner().invoke(share.main, list(arguments))


def test_terms_are_said_and_nothing_is_sent(project: Path, tmp_path: Path) -> None:
    dvc(project, "add", "-q", "data/sets/street")
    said = _share(str(tmp_path / "remote"))
    assert said.exit_code == 0, said.output
    assert "The remote shared is" in said.stdout
    assert "A street; licence: for research only (in street)\n      Ask first." in said.stdout
    assert "To push: dvc push --run-cache" in said.stdout
    assert "commit both to git" in said.stdout
    assert not (tmp_path / "remote").exists()


def test_what_may_not_be_passed_on_is_said_of_every_set_that_holds_it(project: Path, tmp_path: Path) -> None:
    terms = terms_below(Path("archives/gsv"), Path("data/raw"), "unused", "gsv_cities")
    for name in ("gsv", "gsv_dn"):
        write_terms(project / "data" / "sets" / name, [terms])
        dvc(project, "add", "-q", f"data/sets/{name}")
    said = _share(str(tmp_path / "remote")).stdout
    assert "such as nights, may not be passed on (in gsv, gsv_dn)\n" in said
    assert "so share no remote with others while such a set is in it" in said


def test_terms_of_what_is_not_pushed_are_not_said(project: Path, tmp_path: Path) -> None:
    # As a folder that an earlier params.yaml made: it is still there, but an output of no stage.
    said = _share(str(tmp_path / "remote"))
    assert (said.exit_code, "A street" in said.stdout) == (0, False)


def test_nobody_is_there_to_be_asked(project: Path, tmp_path: Path) -> None:
    said = _share(str(tmp_path / "remote"), "--push")
    assert said.exit_code == 2
    assert "no terminal to ask for confirmation, so nothing was pushed" in said.stderr
    assert not (tmp_path / "remote").exists()


def test_a_push_that_fails_is_the_command_s_failure(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], returncode=1)
    monkeypatch.setattr("stages.share.subprocess.run", lambda *_, **__: failed)
    said = _share(str(tmp_path / "remote"), "--push", "--yes")
    assert said.exit_code == 1
    assert "the push failed" in said.stderr


def test_credentials_are_refused_before_anything_is_written(project: Path) -> None:
    before = (project / ".dvc" / "config").read_bytes()
    said = _share("s3://me:secret@places")
    assert said.exit_code == 2
    assert "an address must not contain credentials" in said.stderr
    assert "secret" not in said.output
    assert (project / ".dvc" / "config").read_bytes() == before


def test_repair_says_what_it_checked(project: Path, tmp_path: Path) -> None:
    assert _share(str(tmp_path / "remote"), "--push", "--yes").exit_code == 0
    dvc(project, "push")
    said = CliRunner().invoke(repair.main, [])
    assert (said.exit_code, said.stdout) == (0, "4 objects checked\n")
    said = CliRunner().invoke(repair.main, ["no_output"])
    assert said.exit_code == 2
    assert "not a finished output that DVC shares: no_output" in said.stderr


def test_export_takes_a_name_or_a_path(project: Path, tmp_path: Path) -> None:
    for name, folder in (("street", "one"), ("data/sets/street", "two")):
        said = CliRunner().invoke(export.main, [name, str(tmp_path / folder)])
        assert said.exit_code == 0, said.output
        assert said.stdout.startswith(f"{tmp_path / folder}: 1 images of data/sets/street")
        assert len(list((tmp_path / folder / "images" / "test" / "queries").iterdir())) == 1
    said = CliRunner().invoke(export.main, ["road", str(tmp_path / "three")])
    assert said.exit_code == 2
    assert "no dataset road, neither in data/sets nor as a path\n  known are street" in said.stderr
