"""The record of runs: what is in it, and that it never gets into a stage's way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.compute.resources.timings import FOLDER, Timing, add_timing, note_work, read_timings, timed

RUN = Timing(seconds=60.0, memory=10**9, items=100, machine="here, auto, local, 2 workers")
WORK = Path("work")


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("DUSKLINE_")]:
        monkeypatch.delenv(name)


def _run(of: int = 0, done: int = 0) -> Timing:
    with timed("make@set"):
        note_work(of=of, done=done)
    return read_timings(WORK)["make@set"]


def test_a_run_is_written_down() -> None:
    note_work(of=1000, done=1000)  # of nobody
    with timed("make@set"):
        note_work(of=30, done=30)
        note_work(of=20, done=20)
        time.sleep(0.05)
    [(stage, run)] = read_timings(WORK).items()
    assert stage == "make@set"
    assert 0.05 <= run.seconds < 20
    assert run.items == 50
    assert run.machine.startswith(f"{os.uname().nodename}, auto, local, ")
    assert run.memory > 10_000_000


def test_memory_is_of_the_largest_process() -> None:
    script = """if True:
        import subprocess, sys
        from pipeline.compute.resources.timings import timed
        with timed("make@set"):
            subprocess.run([sys.executable, "-c", "held = bytes([1]) * 400_000_000"], check=True)
    """
    # By a shell, for a process counts as large as the one that begins it, which here are the tests.
    subprocess.run(["sh", "-c", f"'{sys.executable}' -c '{script}'; true"], check=True)
    assert 400_000_000 < read_timings(WORK)["make@set"].memory < 600_000_000


def test_a_run_that_found_its_work_made_does_not_replace_one_that_made_more() -> None:
    with timed("make@set"):
        note_work(of=10, done=0)
    assert read_timings(WORK) == {}
    assert _run(of=10, done=4).items == 4
    assert _run(of=10, done=3).items == 4
    assert _run(of=10, done=6).items == 6
    assert _run(of=2, done=2).items == 2


def test_a_run_that_fails_is_not_written_down() -> None:
    with pytest.raises(ValueError, match="mine"), timed("make@set"):
        raise ValueError("mine")
    assert read_timings(WORK) == {}


@pytest.mark.parametrize(
    "damage", [b"", b"\0" * 50, b"[]", b"7", b'{"seconds": 1}', b"\xff\xfe", b'{"seconds": "long"}']
)
def test_damaged_records_are_passed_over_and_replaced(damage: bytes) -> None:
    add_timing(WORK, "train@one", RUN)
    add_timing(WORK, "make@set", RUN)
    (WORK / FOLDER / "make@set.json").write_bytes(damage)
    assert read_timings(WORK) == {"train@one": RUN}
    assert _run().items == 0


def test_what_cannot_be_written_down_is_no_fault_of_the_stage(caplog: pytest.LogCaptureFixture) -> None:
    WORK.mkdir()
    (WORK / FOLDER).write_text("a file where the folder should be")
    with caplog.at_level("DEBUG"), timed("make@set"):
        pass
    assert "the timing of make@set was not recorded: " in caplog.text


def test_machine_settings_that_are_wrong_are_no_fault_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUSKLINE_WORKERS", "none")
    with timed("make@set"):
        pass
    assert not WORK.exists()
