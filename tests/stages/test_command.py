"""Errors in words, one run at a time, a summary at the end."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import click
import pytest
from click.testing import CliRunner

from pipeline.runtime.errors import DusklineError, UserError
from pipeline.runtime.ranges import Range
from stages.command import stage_command, worded_command
from stages.options import parameter
from tests.import_graph import ROOT


@stage_command("brew")
@parameter("cups", Annotated[int, Range("cups", least=-9)], "How many.")
def brew(name: str, cups: int) -> str:
    """Brew tea."""
    if cups < 0:
        raise UserError(f"{name}: cups must not be negative, found {cups}", hint="choose a number from 0 on")
    if cups > 99:
        raise DusklineError("the kettle burst")
    return f"{cups} cups"


@pytest.fixture(autouse=True)
def in_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The command asks to die with its parent, which here is the test runner's own.
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)


def run(*arguments: str, command: click.Command = brew) -> tuple[int, str, str]:
    result = CliRunner().invoke(command, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_summary_names_the_instance_and_the_time() -> None:
    code, out, _ = run("--name", "green", "--cups", "3")
    assert code == 0
    assert out.startswith("brew@green: 3 cups in ")
    assert out.endswith(" s\n")


def test_users_mistake_exits_with_2_and_says_what_to_do() -> None:
    code, out, err = run("--name", "green", "--cups", "-1")
    assert code == 2
    assert out == ""
    assert err == "error: green: cups must not be negative, found -1\n  choose a number from 0 on\n"


def test_fault_exits_with_1_without_a_traceback() -> None:
    code, _, err = run("--name", "green", "--cups", "100")
    assert code == 1
    assert err == "error: the kettle burst\n"


def test_debug_shows_the_traceback() -> None:
    code, _, err = run("--name", "green", "--cups", "100", "--debug")
    assert code == 1
    assert "Traceback" in err
    assert "kettle" in err


@pytest.mark.parametrize(
    "arguments", [("--name", "x"), ("--cups", "1"), ("--name", "x", "--cups", "1", "--sugar", "2")]
)
def test_missing_and_unknown_parameters_are_refused(arguments: tuple[str, ...]) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "Missing option" in err or "No such option" in err


def test_second_run_of_the_same_instance_is_refused(tmp_path: Path) -> None:
    locks = tmp_path / "work" / "locks"
    locks.mkdir(parents=True)
    with (locks / "brew@green.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = run("--name", "green", "--cups", "1")
        assert code == 2
        assert "another process is running brew@green" in err
        assert run("--name", "black", "--cups", "1")[0] == 0
    assert run("--name", "green", "--cups", "1")[0] == 0


def test_of_processes_started_together_the_first_holds_the_lock_and_speaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("RANK", "0")
    assert run("--name", "green", "--cups", "1")[1].startswith("brew@green: 1 cups")
    with (tmp_path / "work" / "locks" / "brew@green.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert run("--name", "green", "--cups", "1")[0] == 2
        monkeypatch.setenv("RANK", "1")
        assert run("--name", "green", "--cups", "1") == (0, "", "")


def test_commands_for_people_share_the_handling_of_errors() -> None:
    @worded_command("spill")
    def spill() -> None:
        """Spill."""
        raise UserError("spilt")

    assert run(command=spill)[0] == 2


def test_faults_of_the_operating_system_name_the_file(tmp_path: Path) -> None:
    @worded_command("spill")
    def spill() -> None:
        """Spill."""
        (tmp_path / "no folder" / "file").write_text("")

    code, _, err = run(command=spill)
    assert code == 1
    assert err == f"error: {tmp_path}/no folder/file: No such file or directory\n"


def test_wrong_python_is_told_to_activate_the_environment(tmp_path: Path) -> None:
    """A bare Python, as `python` is where the environment is not activated."""
    command = [sys.executable, "-S", "-m", "stages.merge", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has no module click" in done.stderr
    assert ". .venv/bin/activate" in done.stderr
    assert "Traceback" not in done.stderr
