"""Quiet, normal and debug: one way for all commands, by option or by a setting of the machine."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from stages import merge, results, sets, translate_folder
from tests.import_graph import ROOT
from tests.night.fakes import days, picture, write_days
from tests.stages.commands import all_commands

CHECKPOINT = Path(__file__).parents[1] / "data" / "unit" / "gen_dim8.pt"
COMMANDS = [(words, command) for words, command in all_commands() if not isinstance(command, click.Group)]


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DUSKLINE_LEVEL", raising=False)
    monkeypatch.setenv("DUSKLINE_WORKERS", "1")
    # The command asks to die with its parent, which here is the test runner's own.
    monkeypatch.setattr("stages.command.die_with_parent", lambda: None)
    (tmp_path / "params.yaml").write_text("format: {street: {}}\nexperiment: {}\ntest_sets: []\n")
    yield
    assert "DUSKLINE_LEVEL" not in os.environ


def run(command: click.Command, *arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[words for words, _ in COMMANDS])
def test_every_command_has_them(words: str, command: click.Command) -> None:
    options = [name for option in command.params for name in option.opts]
    assert {"-q", "--quiet", "--debug"} <= set(options), words


def photographs(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "days").mkdir(exist_ok=True)
    (tmp_path / "days" / "a.jpg").write_bytes(picture(1, 32, 24))
    return ("days", "nights", "--checkpoint", str(CHECKPOINT), "--shorter-side", "24", "--dtype", "auto")


def test_a_quiet_run_has_no_summary(tmp_path: Path) -> None:
    arguments = photographs(tmp_path)
    assert run(translate_folder.main, *arguments, "-q").output == ""
    assert run(translate_folder.main, *arguments).output.startswith("1 nights (0 newly translated")


def test_a_quiet_run_still_says_what_was_asked_for_and_errors() -> None:
    asked = run(sets.main, "--quiet")
    assert "street" in asked.stdout
    assert "Each is a folder" in run(sets.main).stdout
    assert "Each is a folder" not in asked.stdout
    assert run(results.main, "--quiet").stdout.startswith("experiment")
    Path("params.yaml").unlink()
    wrong = run(sets.main, "--quiet")
    assert wrong.exit_code == 2
    assert wrong.stderr.startswith("error: no parameter file params.yaml\n")


def test_a_stage_is_quiet_too(tmp_path: Path) -> None:
    day = write_days(tmp_path / "data" / "sets" / "day", days(2))
    given = ("--name", "dn", "--day", "day", "--night", "day", "--keep_nights", "1", "--seed", "0")
    loud = run(merge.main, *given, "--shards_above", "9", "--debug")
    assert loud.exit_code != 0  # the night of a set is not itself
    assert "Traceback" in loud.stderr
    assert "debug pipeline.datasets.image_set.image_set: reading data/sets/day/manifest.csv\n" in loud.stderr
    assert day.root.is_dir()


def test_debug_says_what_is_read_and_chosen(tmp_path: Path) -> None:
    said = run(translate_folder.main, *photographs(tmp_path), "--debug").stderr
    assert "debug pipeline.compute.device.precision: device auto is c" in said
    assert "debug pipeline.core.params: reading params.yaml\n" in run(sets.main, "--debug").stderr


@pytest.mark.parametrize("level", ["quiet", "debug"])
def test_a_setting_of_the_machine_does_the_same(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_option = run(sets.main, f"--{level}").output
    with monkeypatch.context() as patch:
        patch.setenv("DUSKLINE_LEVEL", level)
        assert run(sets.main).output == by_option
        # An option is nearer.
        assert "Each is a folder" not in run(sets.main, "--quiet").output
    Path("duskline.local.yaml").write_text(f"level: {level}\n")
    assert run(sets.main).output == by_option


def test_an_unknown_level_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_LEVEL", "loud")
    result = run(sets.main)
    assert (result.exit_code, result.output) == (
        2,
        "error: level must be quiet, normal or debug, not 'loud'\n",
    )
    monkeypatch.delenv("DUSKLINE_LEVEL")


def test_quiet_and_debug_exclude_each_other() -> None:
    result = run(sets.main, "-q", "--debug")
    assert result.exit_code == 2
    assert "--quiet and --debug exclude each other." in result.output


def test_bars_are_for_terminals_and_not_for_a_quiet_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stages.translate_folder", *photographs(tmp_path)]
    seen = {}
    for level in ("quiet", "normal"):
        terminal, ours = pty.openpty()
        termios.tcsetwinsize(ours, (24, 80))
        environment = os.environ | {"PYTHONPATH": str(ROOT), "DUSKLINE_LEVEL": level}
        environment["DUSKLINE_WORK"] = str(tmp_path / level)
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=ours, check=True)
        os.write(ours, b"end")
        seen[level] = (done.stdout, os.read(terminal, 65_536).removesuffix(b"end"))
        os.close(ours)
        os.close(terminal)
    assert seen["quiet"] == (b"", b"")
    assert b"translate" in seen["normal"][1]
    assert seen["normal"][0].startswith(b"1 nights")
