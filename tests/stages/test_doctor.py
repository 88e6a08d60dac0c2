"""`duskline doctor` on small projects: its lines, its end, and that no check stops it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.doctor import machine_check
from pipeline.doctor.findings import ok
from stages.cli import main as duskline
from tests.import_graph import ROOT
from tests.sharing.small_project import dvc


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default profile in a project; torch and libraries, which take a while, are taken for well."""
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(machine_check, "check_torch", lambda _: [ok("well")])
    monkeypatch.setattr(machine_check, "check_libraries", lambda: [ok("well")])
    for name in [name for name in os.environ if name.startswith("DUSKLINE_")]:
        monkeypatch.delenv(name)
    dvc(root, "init", "-q", "--no-scm")
    (root / ".dvc" / "config").write_text('[core]\n    no_scm = True\n[cache]\n    type = "hardlink,copy"\n')
    (root / "params.yaml").write_bytes((ROOT / "profiles" / "city.yaml").read_bytes())
    (root / "unit" / "weights").mkdir(parents=True)
    (root / "unit" / "weights" / "city.pt").write_bytes(b"weights")
    (root / "profiles" / "times_of_day").mkdir(parents=True)
    (root / "profiles" / "times_of_day" / "city_tokyo.csv").touch()
    monkeypatch.chdir(root)
    return root


def _doctor() -> tuple[Result, dict[str, str]]:
    """What the command came to, and the grade of each subject, the worst where it has several."""
    result = CliRunner().invoke(duskline, ["doctor"])
    grades: dict[str, str] = {}
    order = ("ok", "note", "warning", "fault")
    for grade, subject in re.findall(
        r"^(ok|note|warning|fault) +(\w+(?: files)?) ", result.stdout, re.MULTILINE
    ):
        grades[subject] = max(grade, grades.get(subject, "ok"), key=order.index)
    return result, grades


def test_a_machine_that_is_well() -> None:
    result, grades = _doctor()
    assert result.exit_code == 0, result.output
    assert set(grades) == {
        *("python", "settings", "processors", "memory", "engine", "writing", "project"),
        *(
            "links",
            "remote",
            "parameters",
            "learning",
            "source",
            "translator",
            "own files",
            "disk",
            "libraries",
            "torch",
        ),
    }
    assert "fault" not in grades.values()
    assert result.stdout.splitlines()[-1].startswith("0 faults, ")
    assert result.stdout.splitlines()[-1].endswith(": `dvc repro` can run.")


def test_faults_end_it_with_1_after_all_checks(project: Path) -> None:
    (project / "params.yaml").write_bytes((ROOT / "profiles" / "paper.yaml").read_bytes())
    result, grades = _doctor()
    assert result.exit_code == 1
    assert grades["source"] == "fault"
    assert grades["torch"] == "ok"
    assert re.search(r"error: \d+ faults, \d+ warnings?: `dvc repro` would fail", result.stderr)
    assert "Traceback" not in result.output


def test_a_check_that_breaks_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(machine_check, "check_writing", breaks)
    monkeypatch.setattr(machine_check, "check_torch", breaks)
    result, grades = _doctor()
    assert result.exit_code == 1
    assert (grades["writing"], grades["torch"], grades["disk"]) == ("fault", "fault", "note")
    assert "this check failed: RuntimeError: no such thing" in result.stdout


def test_outside_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result, grades = _doctor()
    assert result.exit_code == 1
    assert grades["project"] == "fault"
    assert "no parameter file params.yaml" in result.stdout
    assert "broke down" not in result.stdout
    assert "disk" not in grades
    assert (grades["python"], grades["writing"]) == ("ok", "ok")


def test_parameters_that_no_stage_takes(project: Path) -> None:
    text = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(text.replace("  spacing:", "  spaces:"))
    result, grades = _doctor()
    assert (result.exit_code, grades["parameters"]) == (1, "fault")
    assert "fetch.city: unknown parameter spaces" in result.stdout


def test_parameters_that_are_no_yaml(project: Path) -> None:
    (project / "params.yaml").write_text("fetch: [")
    result, grades = _doctor()
    assert (result.exit_code, grades["project"]) == (1, "fault")
    assert "params.yaml is not YAML" in result.stdout


def test_settings_that_are_unknown_do_not_hide_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_WORKER", "2")
    result, grades = _doctor()
    assert result.exit_code == 1
    assert (grades["settings"], grades["disk"]) == ("fault", "note")
    assert "unknown variable DUSKLINE_WORKER" in result.stdout


def test_it_leaves_nothing_behind(project: Path) -> None:
    def files() -> set[Path]:
        return {path for path in project.rglob("*") if path.is_file() and "tmp" not in path.parts}

    before = files()
    _doctor()
    assert files() == before
