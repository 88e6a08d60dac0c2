"""Real commands that are interrupted at random moments, and pipes that nobody reads."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.import_graph import ROOT
from tests.interrupted import Running, check_line, wait_for

ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}

# A stage that works until it is told to end, under the name by which the package knows its commands.
STAGE = """
import sys, time
from pathlib import Path
from stages.command import GOES_ON, stage_command
from pipeline.runtime.errors import InterruptedRunError

@stage_command("brew", GOES_ON)
def main(name):
    \"\"\"Brew tea for as long as it takes.\"\"\"
    Path("begun").touch()
    try:
        time.sleep(60)
    except KeyboardInterrupt as error:
        if name == "green":
            raise RuntimeError("spilt") from error
        if name == "black":
            raise InterruptedRunError("interrupted; 3 of 5 cups are made and kept") from error
        raise

main()
"""


@pytest.fixture
def stage(tmp_path: Path) -> list[str]:
    (tmp_path / "duskline").write_text(STAGE)
    return [sys.executable, str(tmp_path / "duskline")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("white", "finished work is kept, run it again to continue"),
        # What the signal has turned into is not an error of its own.
        ("green", "finished work is kept, run it again to continue"),
        ("black", "3 of 5 cups are made and kept, run it again to continue"),
    ],
)
def test_an_interrupted_stage_says_so_in_one_line(
    stage: list[str], tmp_path: Path, number: signal.Signals, name: str, kept: str
) -> None:
    run = Running([*stage, "--name", name], tmp_path, ENVIRONMENT)
    wait_for((tmp_path / "begun").exists, "the stage to work")
    ended = run.interrupt(number, group=True)
    assert (ended.code, ended.said) == (128 + number, f"interrupted: brew@{name}; {kept}\n")


def test_with_debug_it_also_says_where(stage: list[str], tmp_path: Path) -> None:
    run = Running([*stage, "--name", "white", "--debug"], tmp_path, ENVIRONMENT)
    wait_for((tmp_path / "begun").exists, "the stage to work")
    ended = run.interrupt(signal.SIGINT, group=True)
    assert ended.code == 130
    assert "Traceback" in ended.said
    assert ended.said.splitlines()[-1].startswith("interrupted: brew@white; ")


def test_of_processes_started_together_the_first_speaks(stage: list[str], tmp_path: Path) -> None:
    together = ENVIRONMENT | {"TORCHELASTIC_RUN_ID": "x", "RANK": "1"}
    run = Running([*stage, "--name", "white"], tmp_path, together)
    wait_for((tmp_path / "begun").exists, "the stage to work")
    ended = run.interrupt(signal.SIGTERM, group=True)
    assert (ended.code, ended.said) == (143, "")


def test_a_command_interrupted_at_random_moments_says_so_in_one_line(tmp_path: Path) -> None:
    draw = random.Random(9)
    for _ in range(4):
        run = Running([sys.executable, "-m", "stages.sources"], tmp_path, ENVIRONMENT)
        time.sleep(draw.uniform(0, 0.4))
        number = draw.choice([signal.SIGINT, signal.SIGTERM])
        check_line(run.interrupt(number, group=True), number, "interrupted: duskline sources")


@pytest.mark.parametrize("debug", [(), ("--quiet",)])
def test_a_pipe_that_nobody_reads_any_more_ends_it_silently(tmp_path: Path, debug: tuple[str, ...]) -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "stages.sources", *debug],
        cwd=tmp_path,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert run.stdout is not None
    assert run.stderr is not None
    run.stdout.close()
    assert run.stderr.read() == ""
    assert run.wait(60) == 141


def test_a_broken_pipe_elsewhere_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "duskline").write_text(
        "import os\nfrom stages.command import worded_command\n\n"
        "@worded_command('leak')\ndef main():\n    '''Leak.'''\n"
        "    ours, theirs = os.pipe()\n    os.close(ours)\n    os.write(theirs, b'x')\n\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, str(tmp_path / "duskline")],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "error: Broken pipe\n")
