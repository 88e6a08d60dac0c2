from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from pipeline.compute.resources import peak_memory
from pipeline.compute.resources.peak_memory import PeakMemory

_HUNDRED_MB = "held = b'x' * 100_000_000; "


def test_it_is_the_peak_of_this_process_even_if_nobody_looked_then() -> None:
    with PeakMemory() as memory:
        held = b"x" * 300_000_000
        del held
    assert memory.bytes > 300_000_000


def test_processes_that_were_started_count_and_theirs_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak_memory, "_EVERY", 0.05)
    grandchild = f"import time; {_HUNDRED_MB}print(1, flush=True); time.sleep(1)"
    child = f"import subprocess, sys; {_HUNDRED_MB}subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with PeakMemory() as alone:
        pass
    with PeakMemory() as memory:
        subprocess.run([sys.executable, "-c", child], check=True, capture_output=True)
    assert 200_000_000 < memory.bytes - alone.bytes < 300_000_000


def test_without_proc_it_is_this_process_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setattr(peak_memory, "_PROCESSES", tmp_path_factory.mktemp("proc"))
    with PeakMemory() as memory:
        pass
    assert memory.bytes > 1_000_000


def test_an_error_in_the_block_ends_the_watch() -> None:
    watch = PeakMemory()
    with pytest.raises(ValueError, match="mine"), watch:
        raise ValueError("mine")
    assert not watch._thread.is_alive()


def test_without_a_thread_there_is_a_look_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with PeakMemory() as memory:
        pass
    assert memory.bytes > 1_000_000


def test_processes_that_end_at_that_moment_are_no_fault() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert list(peak_memory._family(done.pid)) == [done.pid]
    assert peak_memory._high_water_mark(done.pid) == 0
