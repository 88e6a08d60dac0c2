"""How a process ends that answers signals as a command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.import_graph import ROOT
from tests.interrupted import Ended, Running, wait_for

BEGIN = """
import signal, sys, time
from pathlib import Path
from pipeline.runtime import signals
from pipeline.runtime.signals import answer_signals, ended, interruptible
answer_signals()

def mark():
    Path("marked").touch()
"""
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def interrupted(
    folder: Path, script: str, number: signal.Signals = signal.SIGINT, wanted: str = "marked"
) -> Ended:
    """Run a script until it has called `mark`, and interrupt it."""
    run = Running([sys.executable, "-c", BEGIN + script], folder, os.environ | {"PYTHONPATH": str(ROOT)})
    wait_for(lambda: (folder / wanted).exists() or not run.is_running(), "the mark")
    return run.interrupt(number, group=True)


@pytest.mark.parametrize("number", SIGNALS)
def test_before_work_it_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    said = interrupted(tmp_path, "mark(); time.sleep(60)", number)
    assert (said.code, said.said) == (128 + number, "interrupted\n")


@pytest.mark.parametrize("number", SIGNALS)
def test_work_is_left_in_order(tmp_path: Path, number: signal.Signals) -> None:
    script = """
try:
    with interruptible("line"):
        try:
            mark(); time.sleep(60)
        finally:
            print("cleaned")
except KeyboardInterrupt:
    print(signals.interrupting_signal())
"""
    assert interrupted(tmp_path, script, number).said == f"cleaned\n{number.value}\n"


def test_while_modules_are_loaded_it_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\nfrom pathlib import Path\nPath('marked').touch()\n"
        "try:\n    time.sleep(60)\nexcept BaseException:\n    pass\n"
    )
    script = "sys.path.insert(0, '.')\nwith interruptible('the line'):\n    import slow\n"
    said = interrupted(tmp_path, script)
    assert (said.code, said.said) == (130, "the line\n")


def test_where_python_cannot_raise_it_ends_at_once(tmp_path: Path) -> None:
    script = """
class Slow:
    def __del__(self):
        mark(); time.sleep(60)

with interruptible("the line"):
    Slow()
    time.sleep(60)
"""
    said = interrupted(tmp_path, script, signal.SIGTERM)
    assert (said.code, said.said) == (143, "the line\n")


def test_other_errors_there_are_still_told_as_python_tells_them(tmp_path: Path) -> None:
    script = """
class Bad:
    def __del__(self):
        raise ZeroDivisionError

Bad(); mark(); time.sleep(60)
"""
    assert "ZeroDivisionError" in interrupted(tmp_path, script).said


def test_a_second_signal_ends_what_the_first_did_not(tmp_path: Path) -> None:
    script = """
with interruptible("the line"):
    for name in ("marked", "again"):
        try:
            Path(name).touch(); time.sleep(60)
        except BaseException:
            pass
"""
    run = Running([sys.executable, "-c", BEGIN + script], tmp_path, os.environ | {"PYTHONPATH": str(ROOT)})
    wait_for((tmp_path / "marked").exists, "the mark")
    os.kill(run.pid, signal.SIGINT)
    wait_for((tmp_path / "again").exists, "the first signal to be skipped")
    said = run.interrupt(signal.SIGTERM, group=True)
    # The first signal is the one that counts.
    assert (said.code, said.said) == (130, "the line\n")


def test_work_that_does_not_end_is_ended_after_a_while(tmp_path: Path) -> None:
    script = """
signals._PATIENCE = 0.3
with interruptible("the line"):
    try:
        mark(); time.sleep(60)
    finally:
        time.sleep(60)
"""
    said = interrupted(tmp_path, script)
    assert (said.code, said.said) == (130, "the line\n")


def test_an_interrupt_that_others_swallow_is_raised_again(tmp_path: Path) -> None:
    script = """
with interruptible("the line"):
    try:
        try:
            mark(); time.sleep(60)
        except BaseException:
            pass
        time.sleep(60)
    except KeyboardInterrupt:
        print("raised again")
"""
    assert interrupted(tmp_path, script).said == "raised again\n"


def test_an_interrupt_that_is_being_answered_is_raised_once(tmp_path: Path) -> None:
    script = """
with interruptible("the line"):
    try:
        mark(); time.sleep(60)
    except KeyboardInterrupt:
        time.sleep(1)
        print("once")
"""
    assert interrupted(tmp_path, script).said == "once\n"


def test_what_is_done_keeps_its_exit_code(tmp_path: Path) -> None:
    script = """
with interruptible("the line"):
    pass
ended(0)
mark(); time.sleep(60)
"""
    said = interrupted(tmp_path, script)
    assert (said.code, said.said) == (0, "")


def test_a_process_that_does_not_speak_ends_without_a_word(tmp_path: Path) -> None:
    said = interrupted(tmp_path, "with interruptible(''):\n    pass\nmark(); time.sleep(60)")
    assert (said.code, said.said) == (130, "")


def test_ctrl_c_that_is_ignored_stays_so(tmp_path: Path) -> None:
    code = f"""
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
script = {BEGIN!r} + "signal.raise_signal(signal.SIGINT); print('alive')"
sys.exit(subprocess.run([sys.executable, "-c", script]).returncode)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "alive\n"


def test_a_program_that_only_imports_the_package_keeps_its_own_signals(tmp_path: Path) -> None:
    code = (
        "import signal, stages.sources;"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler,"
        " signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
