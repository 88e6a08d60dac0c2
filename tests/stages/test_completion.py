"""Completion, asked for as the shells ask."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from stages.cli import main
from tests.import_graph import ROOT

PARAMS = """
fetch: {city: {}, town: {}}
format: {city_pitts: {}, city_xs: {}}
translate: {city_night: {}}
experiment: {day: {}, night: {}}
test_sets: [city_xs]
sheets: {city_night: {}}
statistics: {city_xs: {}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "data" / "sets" / "brought").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def asked(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., list[str]]:
    """What is offered for the last word of a line, as the command answers a shell in its own process."""

    def answers(line: str, shell: str = "bash") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("_DUSKLINE_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        monkeypatch.chdir(project)
        with pytest.raises(SystemExit) as ended:
            main(prog_name="duskline")
        assert not ended.value.code
        said = capsys.readouterr()
        assert said.err == ""
        return said.out.splitlines()

    return answers


def names(rows: list[str]) -> list[str]:
    return [row.partition(",")[2] for row in rows if row]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("duskline s", ["sources", "sets", "share", "stage"]),
        ("duskline stage train", ["train_unit", "train"]),
        ("duskline stage translate --shorter", ["--shorter_side"]),
        ("duskline stage translate --name ", ["city_night"]),
        ("duskline stage translate --day city_", ["city_pitts", "city_xs", "city_night"]),
        ("duskline stage translate --direction ", ["day2night", "night2day"]),
        ("duskline stage format --name city_x", ["city_xs"]),
        ("duskline stage evaluate --name ", ["day-city_xs", "night-city_xs"]),
        ("duskline stage sheet --name ", ["city_night"]),
        ("duskline stage apart --name ", []),
        ("duskline city somewhere --source t", ["town"]),
        ("duskline export b", ["brought"]),
        ("duskline repair data/sets/city_x", ["data/sets/city_xs"]),
        ("duskline sources tokyo_", ["tokyo_xs"]),
        ("duskline pin sf_", ["sf_xl", "sf_xs"]),
        ("duskline completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_words_and_names_are_completed(asked: Callable[..., list[str]], line: str, wanted: list[str]) -> None:
    assert names(asked(line)) == wanted


@pytest.mark.parametrize("content", [None, "fetch: [", "- a list"])
def test_without_readable_parameters_there_are_no_names_and_no_complaint(
    asked: Callable[..., list[str]], project: Path, content: str | None
) -> None:
    if content is None:
        (project / "params.yaml").unlink()
    else:
        (project / "params.yaml").write_text(content)
    assert names(asked("duskline stage translate --name ")) == []


def test_every_shell_gets_its_answers_with_meanings(asked: Callable[..., list[str]]) -> None:
    assert asked("duskline pi", "zsh") == [
        "plain",
        "pin",
        "Record the checksums of the archives you have.",
    ]
    assert asked("duskline pi", "fish") == ["plain,pin\tRecord the checksums of the archives you have."]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_command_gives_what_the_shell_is_to_read(shell: str) -> None:
    said = CliRunner().invoke(main, ["completion", shell])
    assert f"_DUSKLINE_COMPLETE={shell}_complete" in said.stdout


def test_bash_itself_completes_after_the_line_that_help_names(project: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = (
        'eval "$(duskline completion bash)"; COMP_WORDS=(duskline stage translate --name city); COMP_CWORD=4;'
        ' _duskline_completion duskline city --name; printf "%s\\n" "${COMPREPLY[@]}"; complete -p duskline'
    )
    # As the installed command, but of this checkout.
    command = project / "bin" / "duskline"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom stages.cli import main\nmain()\n")
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [bash, "-c", script],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[0] == "city_night"
    assert "_duskline_completion" in done.stdout.splitlines()[-1]
    assert done.stderr == ""
