from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from pipeline.runtime.errors import StageRunningError
from pipeline.runtime.process_lock import only_run, terminated_as_interrupted
from tests.import_graph import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from pipeline.runtime.process_lock import only_run
with only_run(Path(sys.argv[1]), "translate@city"):
    print("held", flush=True)
    time.sleep(60)
"""

# A parent that starts a child, tells its number, and waits to be killed.
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""

CHILD = """
import time
from pipeline.runtime.process_lock import die_with_parent
die_with_parent()
print("ready", flush=True)
time.sleep(60)
"""


# A worker that is slow to begin, and whose parent is gone by then.
LATE_WORKER = """
import multiprocessing, os, sys, time
from pathlib import Path
from pipeline.runtime.process_lock import die_with_parent

def work(folder):
    (folder / "begun").touch()
    while not (folder / "parent is gone").exists():
        time.sleep(0.01)
    die_with_parent()
    (folder / "worked on").touch()

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    worker = multiprocessing.get_context("spawn").Process(target=work, args=(folder,))
    worker.start()
    while not (folder / "begun").exists():
        time.sleep(0.01)
    print(worker.pid, flush=True)
    os._exit(0)
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ended(process: subprocess.Popen[str], number: int) -> None:
    process.send_signal(number)
    process.communicate(timeout=30)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_one_run_at_a_time_and_the_lock_dies_with_it(tmp_path: Path) -> None:
    holder = started(HOLDER, str(tmp_path))
    assert said(holder) == "held"
    with (
        pytest.raises(StageRunningError, match="another process is running translate@city") as caught,
        only_run(tmp_path, "translate@city"),
    ):
        pass
    assert "run the same command again" in caught.value.hint
    ended(holder, signal.SIGKILL)
    with only_run(tmp_path, "translate@city"):
        pass


def test_other_stages_and_other_folders_are_free(tmp_path: Path) -> None:
    with only_run(tmp_path, "a"), only_run(tmp_path, "b"), only_run(tmp_path / "other", "a"):
        assert sorted(path.name for path in (tmp_path / "locks").iterdir()) == ["a.lock", "b.lock"]


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_run(tmp_path, "a"):
        raise ZeroDivisionError
    with only_run(tmp_path, "a"):
        pass


@pytest.mark.parametrize("gone", ["file", "folder"])
def test_a_lock_that_its_holder_removed_is_no_lock(
    tmp_path: Path, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opened it before meets nobody there any more, so it turns to the one that others see."""
    real, path = fcntl.flock, tmp_path / "locks" / "a.lock"
    locked: list[int] = []

    def removed_meanwhile(stream: IO[str], how: int) -> None:
        if not locked:
            path.unlink()
            if gone == "folder":
                path.parent.rmdir()
        real(stream, how)
        locked.append(os.fstat(stream.fileno()).st_ino)

    monkeypatch.setattr(fcntl, "flock", removed_meanwhile)
    with only_run(tmp_path, "a"):
        assert len(locked) == 2
        assert path.stat().st_ino == locked[-1]
        with pytest.raises(StageRunningError), only_run(tmp_path, "a"):
            pass


def test_a_child_does_not_hold_on_to_the_lock(tmp_path: Path) -> None:
    with only_run(tmp_path, "a"):
        child = started("print('ready', flush=True); import time; time.sleep(60)")
        assert said(child) == "ready"
    try:
        with only_run(tmp_path, "a"):
            pass
    finally:
        ended(child, signal.SIGKILL)


def test_a_process_ends_with_its_parent() -> None:
    parent = started(PARENT, CHILD)
    child = int(said(parent))
    assert is_alive(child)
    ended(parent, signal.SIGKILL)
    end = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_alive(child)


def test_a_process_that_inherited_ignored_signals_ends_with_its_parent_too() -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf += "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}); "
    parent = started(deaf + PARENT, CHILD)
    child = int(said(parent))
    ended(parent, signal.SIGKILL)
    end = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_alive(child)


def test_being_ended_is_like_ctrl_c_inside_and_as_before_outside() -> None:
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("outside"))
    try:
        with pytest.raises(KeyboardInterrupt), terminated_as_interrupted():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        assert heard == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert heard == ["outside"]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_in_another_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with terminated_as_interrupted():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_worker_whose_parent_ended_before_it_began_ends_too(tmp_path: Path) -> None:
    script = tmp_path / "late.py"
    script.write_text(LATE_WORKER)
    command = [sys.executable, str(script), str(tmp_path)]
    with subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
    ) as parent:
        worker = int(said(parent))
        parent.wait(timeout=30)
    (tmp_path / "parent is gone").touch()
    deadline = time.monotonic() + 30
    while is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(worker)
    assert not (tmp_path / "worked on").exists()
